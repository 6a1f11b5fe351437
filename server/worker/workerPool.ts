/**
 * Child processes that do the work on copies: a job has limits of time and memory, and whatever it does, only its own
 * process pays for it. A process that broke a limit or crashed is replaced. Rule BK-8.
 */

import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { availableParallelism, constants, setPriority } from 'node:os'
import { CodedError, isErrorCode } from '../../schemas/errors.ts'
import { FairQueue, type JobOwner } from './fairQueue.ts'
import { residentBytes } from './residentBytes.ts'
import { startMemoryBound } from './startMemoryBound.ts'
import type { JobName, Jobs } from './worker.ts'
import type { WorkerMessage, WorkerOrder } from './workerMessages.ts'

export interface PoolOptions {
  /** Ordinary places; by default as many as the machine has processors. As many again are for long jobs (BK-19). */
  readonly size?: number
  /** Milliseconds after which a job counts as long: it steps back behind the short ones (BK-19). */
  readonly longMs?: number
  /** Milliseconds a job may take. */
  readonly timeoutMs?: number
  /** Resident octets a process may have. */
  readonly maxRssBytes?: number
  /** Where the first process that is kept ready rehearses, so that its first job finds everything loaded; it does not if absent. */
  readonly rehearsalFolder?: string
}

export interface WorkerPool {
  /**
   * Runs a job in the next free process. `owner` is whose it is, for fairness.
   * @throws {CodedError} what the job threw, `worker.limit` if it was killed, `storage.unavailable` if the process died.
   */
  run<Name extends JobName>(name: Name, input: Jobs[Name]['input'], options?: RunOptions): Promise<Jobs[Name]['output']>
  /**
   * Starts a job that is fed while it runs, beside the places of the others: it waits for a device more than it works.
   * Undefined if as many are attended as may be, one per processor: the work is then done when everything is there.
   */
  attend<Name extends JobName>(name: Name, input: Jobs[Name]['input']): Attendance<Jobs[Name]['output']> | undefined
  /** How long jobs have waited for their turn (QT-13). */
  waits(): ReturnType<FairQueue<never>['waits']>
  /** Keeps a process ready from now on: the first job, and the first after a long one, need not wait for its start. */
  keepWarm(): void
  /** Ends all processes; running jobs are finished first, up to `graceMs`. */
  close(graceMs?: number): Promise<void>
}

export interface RunOptions {
  readonly owner?: JobOwner
  readonly onStep?: (step: string, done: number) => void
}

/** A job that is fed. */
export interface Attendance<Output> {
  /** So many octets are there and will not change. */
  settled(bytes: number): void
  /** What was told last is everything. */
  complete(): void
  /** It is not wanted any more: it ends with an error, and clears away what it made. */
  cancel(): void
  /** @throws {CodedError} as `run`. */
  readonly done: Promise<Output>
}

interface Task {
  readonly owner: JobOwner
  readonly name: JobName
  readonly input: unknown
  readonly onStep: (step: string, done: number) => void
  readonly resolve: (output: unknown) => void
  readonly reject: (cause: Error) => void
  /** It is fed, and has no place in the queue. */
  readonly attended?: boolean
}

interface Worker {
  readonly process: ChildProcess
  task: Task | undefined
  killedFor: string | undefined
  long: boolean
  timer: NodeJS.Timeout | undefined
  /** Milliseconds that its job was seen to take. */
  tookMs: number
  /** It has started: on a busy machine that alone takes a second, and is no reason to call its job a long one. */
  ready: boolean
}

/** Whose the work is that has no place in the queue. */
const NOBODY: JobOwner = { accountId: '', deviceId: '' }

const DEFAULT_TIMEOUT_MS = 30 * 60_000
const DEFAULT_MAX_RSS_BYTES = 1024 * 1024 * 1024
const DEFAULT_LONG_MS = 1000
const CHECK_MS = 100
/** A process that has not started by then never will; on a busy machine it may take seconds. */
const MOST_TO_START_MS = 60_000
/** Counts at most between two looks: that the machine was suspended, or this process held up, is no job's fault. */
const MOST_BETWEEN_MS = 500
/** Processor time of a job that failed: beyond it, its device comes behind the others (BK-19). */
const HARD_WORK_MS = 250

/** Starts the pool; processes are started when the first jobs come. */
export const createWorkerPool = (options: PoolOptions = {}): WorkerPool => new Pool(options)

class Pool implements WorkerPool {
  readonly #timeoutMs: number
  readonly #longMs: number
  readonly #maxRssBytes: number
  readonly #workers = new Set<Worker>()
  readonly #queue: FairQueue<Task>
  readonly #maxAttended: number
  #rehearsalFolder: string | undefined
  #closed = false
  #warm = false

  constructor(options: PoolOptions) {
    const size = options.size ?? Math.max(1, availableParallelism())
    this.#queue = new FairQueue(size)
    this.#maxAttended = size
    this.#rehearsalFolder = options.rehearsalFolder
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

  attend<Name extends JobName>(name: Name, input: Jobs[Name]['input']): Attendance<Jobs[Name]['output']> | undefined {
    const attended = [...this.#workers].filter((worker) => worker.task?.attended === true)
    if (this.#closed || attended.length >= this.#maxAttended) return undefined
    const worker = this.#idle() ?? this.#start()
    const done = new Promise<unknown>((resolve, reject) => {
      this.#assign(worker, { owner: NOBODY, name, input, onStep: () => {}, resolve, reject, attended: true })
    })
    const { task } = worker
    const order = (message: WorkerOrder): void => {
      if (worker.task === task && worker.process.connected) worker.process.send(message)
    }
    return {
      settled: (bytes) => order({ kind: 'settled', bytes }),
      complete: () => order({ kind: 'complete' }),
      cancel: () => order({ kind: 'cancel' }),
      done: done as Promise<Jobs[Name]['output']>,
    }
  }
  waits = () => this.#queue.waits()

  keepWarm(): void {
    this.#warm = true
    if (!this.#closed && this.#workers.size === 0) this.#rehearse(this.#start())
  }

  /** Nobody's work, beside the places of the others; once, or who uses up processes could make us rehearse each time. */
  #rehearse(worker: Worker): void {
    if (this.#rehearsalFolder === undefined) return
    const answer = { onStep: () => {}, resolve: () => {}, reject: () => {} }
    const input = { folder: this.#rehearsalFolder }
    this.#assign(worker, { owner: NOBODY, name: 'rehearse', input, ...answer, attended: true })
    this.#rehearsalFolder = undefined
  }

  async close(graceMs = 10_000): Promise<void> {
    this.#closed = true
    for (const task of this.#queue.drain()) {
      task.reject(new CodedError('storage.unavailable', 'the server is stopping'))
    }
    const ended = [...this.#workers].map((worker) => new Promise((resolve) => worker.process.once('exit', resolve)))
    for (const { task, process } of this.#workers) if (!task || task.attended) process.kill('SIGTERM')
    const timer = setTimeout(() => {
      for (const worker of this.#workers) worker.process.kill('SIGKILL')
    }, graceMs)
    await Promise.all(ended)
    clearTimeout(timer)
  }

  #dispatch(): void {
    while (this.#queue.hasReady()) {
      const task = this.#queue.take()
      if (task === undefined) return
      const behind = this.#queue.isBehind(task.owner)
      const worker = (behind ? undefined : this.#idle()) ?? this.#start()
      this.#assign(worker, task)
      // From the start of its process on, or each such job would have its first second at the others' expense.
      if (behind) this.#stepBack(worker)
    }
  }

  #idle(): Worker | undefined {
    return [...this.#workers].find((worker) => !worker.task && !worker.killedFor)
  }

  #assign(worker: Worker, task: Task): void {
    worker.task = task
    worker.tookMs = 0
    let seenAt = performance.now()
    // While it works it keeps the program alive: an operator's command may wait for nothing else.
    worker.timer = setInterval(() => {
      const now = performance.now()
      worker.tookMs += Math.min(now - seenAt, MOST_BETWEEN_MS)
      seenAt = now
      void this.#watch(worker)
    }, CHECK_MS)
    const order: WorkerOrder = { kind: 'job', name: task.name, input: task.input }
    worker.process.send(order)
  }

  async #watch(worker: Worker): Promise<void> {
    const { task } = worker
    const rssBytes = await residentBytes(worker.process.pid)
    // Meanwhile the process may have finished, and even begun another job.
    if (task === undefined || worker.task !== task) return
    const { tookMs } = worker
    const limitMs = worker.ready ? this.#timeoutMs : Math.max(this.#timeoutMs, MOST_TO_START_MS)
    if (tookMs > limitMs) this.#kill(worker, `longer than ${limitMs} ms`)
    else if (rssBytes > this.#maxRssBytes) this.#kill(worker, `more than ${this.#maxRssBytes} bytes of memory`)
    else if (worker.ready && tookMs > this.#longMs && !worker.long && !task.attended) this.#stepBack(worker)
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
    const worker: Worker = {
      ...{ process, task: undefined, killedFor: undefined, timer: undefined },
      ...{ long: false, tookMs: 0, ready: false },
    }
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
    if (message.kind === 'ready') Object.assign(worker, { ready: true, tookMs: 0 })
    const task = worker.task
    if (message.kind === 'step') task?.onStep(message.step, message.done)
    if (!task || message.kind === 'ready' || message.kind === 'step') return
    this.#release(worker, message.kind === 'failed' && message.cpuMs > HARD_WORK_MS)
    if (message.kind === 'done') task.resolve(message.output)
    else task.reject(receivedError(message))
    if (this.#closed || worker.long) this.#dismiss(worker)
    if (!this.#closed) this.#dispatch()
  }

  /** Not used again: it ends. */
  #dismiss(worker: Worker): void {
    if (!this.#closed) this.#workers.delete(worker)
    worker.process.kill('SIGTERM')
    if (this.#warm) this.keepWarm()
  }

  #release(worker: Worker, harmful: boolean): void {
    clearInterval(worker.timer)
    if (worker.task && !worker.task.attended) this.#queue.ended(worker.task, harmful)
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
