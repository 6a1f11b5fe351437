/** What the pool and its processes say to each other. */

import type { JobName } from './worker.ts'

/** What a process is told. */
export type WorkerOrder =
  | { readonly kind: 'job'; readonly name: JobName; readonly input: unknown }
  | { readonly kind: 'settled'; readonly bytes: number }
  | { readonly kind: 'complete' }
  | { readonly kind: 'cancel' }

/** What a process tells about a job. */
export type WorkerMessage =
  /** The process has started: its first job begins now. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'step'; readonly step: string; readonly done: number }
  | { readonly kind: 'done'; readonly output: unknown }
  | {
      readonly kind: 'failed'
      readonly code: string
      readonly message: string
      readonly next: string
      /** Processor time of the job. */
      readonly cpuMs: number
    }
