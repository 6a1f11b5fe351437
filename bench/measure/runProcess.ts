/** Runs a whole process and measures it: wall clock, processor time with its children, memory. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { watchMemory } from './processTree.ts'

/** What one process, or one step of several, cost. */
export interface Cost {
  readonly wallMs: number
  /** Processor time of everything that worked on it, on both sides. */
  readonly cpuMs: number
  /** Octets towards the store and back; with an HTTP peer all of HTTP. */
  readonly bytesUp: number
  readonly bytesDown: number
  /** Most resident octets of the device's processes together. */
  readonly deviceRssBytes: number
  /** Most resident octets of the server with all its workers; 0 without a server. */
  readonly serverRssBytes: number
  /** Most octets that came to lie in RAM file systems; counted in with the memory of both sides. */
  readonly ramDiskBytes: number
}

export interface Finished {
  readonly stdout: string
  readonly wallMs: number
  readonly cpuMs: number
  readonly rssBytes: number
  readonly ramDiskBytes: number
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>
  readonly folder?: string
  /** Exit codes that are no failure. */
  readonly accepted?: readonly number[]
}

/** Reports the processor time of the command it ran on descriptor 3: user and system, in seconds to the millisecond. */
const SCRIPT = 'TIMEFORMAT="%R %U %S"; { time "$@" 2>&4; } 4>&2 2>&3; exit $?'

/**
 * Runs `command` to its end.
 * @throws Error with its stderr if it fails.
 */
export async function runProcess(command: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const startedAt = performance.now()
  const child = spawn('bash', ['-c', SCRIPT, 'bash', ...command], {
    cwd: options.folder,
    env: { ...process.env, ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const memory = watchMemory(child.pid ?? 0)
  const [stdout, stderr, times] = [1, 2, 3].map((fd) => collect(child.stdio[fd] as NodeJS.ReadableStream))
  const [exitCode] = (await once(child, 'close')) as [number | null]
  const wallMs = performance.now() - startedAt
  const rssBytes = await memory.stop()
  if (!(options.accepted ?? [0]).includes(exitCode ?? -1))
    throw new Error(`${command.join(' ')} ended with ${exitCode}: ${stderr?.()}`)
  const [, user = 0, system = 0] = (times?.() ?? '').trim().split(' ').map(Number)
  return {
    stdout: stdout?.() ?? '',
    wallMs,
    cpuMs: (user + system) * 1000,
    rssBytes,
    ramDiskBytes: memory.ramDiskBytes(),
  }
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Uint8Array[] = []
  stream.on('data', (chunk: Uint8Array) => void chunks.push(chunk))
  return () => Buffer.concat(chunks).toString('utf8')
}
