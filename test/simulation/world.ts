/**
 * Time, chance and network of a simulation. Everything that waits, waits here: the next event is chosen only when all
 * tasks wait, so a run follows from its seed, whatever the disk does meanwhile.
 */

import { emptyTally } from './tally.ts'

/** A source of chance that follows from a seed. */
export interface Chance {
  /** A whole number in [0, below). */
  below(below: number): number
  /** True once in `n` times. */
  oneIn(n: number): boolean
  pick<T>(list: readonly T[]): T
}

export function createChance(seed: number): Chance {
  let state = (seed * 2_654_435_761) | 0
  const below = (limit: number): number => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 374_761_393) | 0
    const mixed = Math.imul(state ^ (state >>> 13), 3_266_489_917)
    return ((mixed ^ (mixed >>> 16)) >>> 0) % limit
  }
  return { below, oneIn: (n) => below(n) === 0, pick: (list) => list[below(list.length)] as never }
}

interface Waiting {
  readonly at: number
  readonly order: number
  readonly resume: () => void
}

/** Virtual time; tasks run one after the other between their waits. */
export class World {
  /** Milliseconds since 1970. */
  now = 1_800_000_000_000
  readonly chance: Chance
  /** What happened so far. */
  readonly tally = emptyTally()
  readonly #waiting: Waiting[] = []
  #order = 0
  #running = 0
  #idle: (() => void) | undefined
  #failure: unknown

  constructor(chance: Chance) {
    this.chance = chance
  }

  /** Starts a task; its failure ends the simulation. */
  spawn(task: () => Promise<void>): void {
    this.#running += 1
    task().then(
      () => this.#settle(),
      (cause: unknown) => {
        this.#failure ??= cause
        this.#settle()
      },
    )
  }

  /** Waits until `ms` have passed, as every waiting of a task must. */
  async sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push({ at: this.now + ms, order: this.#order++, resume: resolve })
      this.#settle()
    })
  }

  /** Waits for another task. */
  async join<T>(work: Promise<T>): Promise<T> {
    this.#settle()
    try {
      return await work
    } finally {
      this.#running += 1
    }
  }

  /** A task that was killed: it never goes on. */
  never(): Promise<never> {
    this.#settle()
    return new Promise(() => undefined)
  }

  /** Runs events until nothing waits. @throws what a task threw first. */
  async run(): Promise<void> {
    for (;;) {
      if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
      if (this.#failure !== undefined) throw this.#failure
      this.#waiting.sort((a, b) => a.at - b.at || a.order - b.order)
      const next = this.#waiting.shift()
      if (!next) return
      this.now = Math.max(this.now, next.at)
      this.#running += 1
      next.resume()
    }
  }

  #settle(): void {
    this.#running -= 1
    if (this.#running === 0) {
      const idle = this.#idle
      this.#idle = undefined
      idle?.()
    }
  }
}
