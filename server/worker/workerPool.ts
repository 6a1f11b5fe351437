/**
 * Child processes that do the work on copies: a job has limits of time and memory, and whatever it does, only its own
 * process pays for it. A process that broke a limit or crashed is replaced. Rule BK-8.
 */

import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { availableParallelism, constants, setPriority } from 'node:os'
import { CodedError, isErrorCode } from '../../schemas/errors.ts'
import { FairQueue, type JobOwner } from './fairQueue.ts'
import { startMemoryBound } from './startMemoryBound.ts'
import type { JobName, Jobs } from './worker.ts'

export interface PoolOptions {
  /** Ordinary places; by default as many as the machine has processors. As many again are for long jobs (BK-19). */
  readonly size?: number
  /** Milliseconds after which a job counts as long: it steps back behind the short ones (BK-19). */
  readonly longMs?: number
  /** Milliseconds a job may take. */
  readonly timeoutMs?: number
  /** Resident octets a process may have. */
  readonly maxRssBytes?: number
}

export interface WorkerPool {
  /**
   * Runs a job in the next free process. `owner` is whose it is, for fairness.
   * @throws {CodedError} what the job threw, `worker.limit` if it was killed, `storage.unavailable` if the process died.
   */
  run<Name extends JobName>(name: Name, input: Jobs[Name]['input'], options?: RunOptions): Promise<Jobs[Name]['output']>
  /** Ends all processes; running jobs are finished first, up to `graceMs`. */
  close(graceMs?: number): Promise<void>
}

export interface RunOptions {
  readonly owner?: JobOwner
  readonly onStep?: (step: string, done: number) => void
}

/** What a process tells about a job. */
export type WorkerMessage =
  | { readonly kind: 'step'; readonly step: string; readonly done: number }
  | { readonly kind: 'done'; readonly output: unknown }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string; readonly next: string }

interface Task {
  readonly owner: JobOwner
  readonly name: JobName
  readonly input: unknown
  readonly onStep: (step: string, done: number) => void
  readonly resolve: (output: unknown) => void
  readonly reject: (cause: Error) => void
}

interface Worker {
  readonly process: ChildProcess
  task: Task | undefined
  killedFor: string | undefined
  long: boolean
  timer: NodeJS.Timeout | undefined
}

const DEFAULT_TIMEOUT_MS = 30 * 60_000
const DEFAULT_MAX_RSS_BYTES = 1024 * 1024 * 1024
const DEFAULT_LONG_MS = 1000
const CHECK_MS = 100

/** Starts the pool; processes are started when the first jobs come. */
export function createWorkerPool(options: PoolOptions = {}): WorkerPool {
  return new Pool(options)
}

class Pool implements WorkerPool {
  readonly #timeoutMs: number
  readonly #longMs: number
  readonly #maxRssBytes: number
  readonly #workers = new Set<Worker>()
  readonly #queue: FairQueue<Task>
  #closed = false

  constructor(options: PoolOptions) {
    this.#queue = new FairQueue(options.size ?? Math.max(1, availableParallelism()))
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS
    this.#longMs = options.longMs ?? DEFAULT_LONG_MS
    this.#maxRssBytes = options.maxRssBytes ?? DEFAULT_MAX_RSS_BYTES
  }

  run<Name extends JobName>(
    name: Name,
    input: Jobs[Name]['input'],
    { owner = { accountId: '', deviceId: randomUUID() }, onStep = () => {} }: RunOptions = {},
  ): Promise<Jobs[Name]['output']> {
    if (this.#closed) return Promise.reject(new CodedError('storage.unavailable', 'the server is stopping'))
    return new Promise<unknown>((resolve, reject) => {
      this.#queue.push({ owner, name, input, onStep, resolve, reject })
      this.#dispatch()
    }) as Promise<Jobs[Name]['output']>
  }

  async close(graceMs = 10_000): Promise<void> {
    this.#closed = true
    for (const task of this.#queue.drain()) {
      task.reject(new CodedError('storage.unavailable', 'the server is stopping'))
    }
    const ended = [...this.#workers].map((worker) => new Promise((resolve) => worker.process.once('exit', resolve)))
    for (const worker of this.#workers) if (!worker.task) worker.process.kill('SIGTERM')
    const timer = setTimeout(() => {
      for (const worker of this.#workers) worker.process.kill('SIGKILL')
    }, graceMs)
    await Promise.all(ended)
    clearTimeout(timer)
  }

  #dispatch(): void {
    while (this.#queue.hasReady()) {
      const idle = [...this.#workers].find((worker) => !worker.task && !worker.killedFor)
      const worker = idle ?? this.#start()
      const task = this.#queue.take()
      if (task) this.#assign(worker, task)
    }
  }

  #assign(worker: Worker, task: Task): void {
    worker.task = task
    const startedAt = Date.now()
    worker.timer = setInterval(() => void this.#watch(worker, startedAt), CHECK_MS)
    worker.timer.unref()
    worker.process.send({ name: task.name, input: task.input })
  }

  async #watch(worker: Worker, startedAt: number): Promise<void> {
    const { task } = worker
    const rssBytes = await residentBytes(worker.process.pid)
    // Meanwhile the process may have finished, and even begun another job.
    if (task === undefined || worker.task !== task) return
    const tookMs = Date.now() - startedAt
    if (tookMs > this.#timeoutMs) this.#kill(worker, `longer than ${this.#timeoutMs} ms`)
    else if (rssBytes > this.#maxRssBytes) this.#kill(worker, `more than ${this.#maxRssBytes} bytes of memory`)
    else if (tookMs > this.#longMs && !worker.long) this.#stepBack(worker)
  }

  /** A long job goes on, behind all others; its process is not used again, since its priority cannot be raised. */
  #stepBack(worker: Worker): void {
    worker.long = true
    if (worker.task) this.#queue.isLong(worker.task)
    try {
      if (worker.process.pid !== undefined) setPriority(worker.process.pid, constants.priority.PRIORITY_LOW)
    } catch {
      // It ended just now.
    }
    this.#dispatch()
  }

  #kill(worker: Worker, reason: string): void {
    worker.killedFor = reason
    worker.process.kill('SIGKILL')
  }

  #start(): Worker {
    const process = startMemoryBound(new URL('./worker.ts', import.meta.url), this.#maxRssBytes)
    const worker: Worker = { process, task: undefined, killedFor: undefined, long: false, timer: undefined }
    this.#workers.add(worker)
    process.on('message', (message) => this.#receive(worker, message as WorkerMessage))
    process.on('exit', (code, signal) => this.#exited(worker, signal ?? `code ${code}`))
    process.on('error', () => this.#exited(worker, 'it could not be started'))
    // An idle pool must not keep a program alive that has nothing else to do.
    process.unref()
    process.channel?.unref()
    return worker
  }

  #receive(worker: Worker, message: WorkerMessage): void {
    const task = worker.task
    if (!task) return
    if (message.kind === 'step') {
      task.onStep(message.step, message.done)
      return
    }
    this.#release(worker)
    if (message.kind === 'done') task.resolve(message.output)
    else task.reject(receivedError(message))
    if (this.#closed || worker.long) this.#dismiss(worker)
    if (!this.#closed) this.#dispatch()
  }

  /** Not used again: it ends. */
  #dismiss(worker: Worker): void {
    if (!this.#closed) this.#workers.delete(worker)
    worker.process.kill('SIGTERM')
  }

  #release(worker: Worker, died = false): void {
    clearInterval(worker.timer)
    if (worker.task) this.#queue.ended(worker.task, died)
    worker.task = undefined
  }

  #exited(worker: Worker, how: string): void {
    if (!this.#workers.delete(worker)) return
    const task = worker.task
    this.#release(worker, true)
    if (task && worker.killedFor) task.reject(new CodedError('worker.limit', `the work took ${worker.killedFor}`))
    else task?.reject(new CodedError('storage.unavailable', `the worker process ended: ${how}`))
    if (!this.#closed) this.#dispatch()
  }
}

function receivedError(message: { code: string; message: string; next: string }): Error {
  const code = isErrorCode(message.code) ? message.code : 'internal'
  return new CodedError(code, message.message, { next: message.next })
}

/** Resident octets of a process where the system tells them (Linux); else 0: then only time limits hold. */
async function residentBytes(pid: number | undefined): Promise<number> {
  try {
    const statm = await readFile(`/proc/${pid}/statm`, 'utf8')
    return Number(statm.split(' ')[1]) * 4096
  } catch {
    return 0
  }
}
