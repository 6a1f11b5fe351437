/**
 * Jobs that wait, in an order that is fair to their owners (BK-19): the owner with the fewest jobs at work comes first,
 * none has more than one long one, and one that was killed or long makes its owner wait behind all others for a while.
 */

/** What is queued. */
interface Owned {
  readonly owner: string
}

/** How long an owner stays behind the others after a job of his was long or killed. */
const BEHIND_MS = 60_000

/** Jobs of one owner that run at once. */
const MOST_OF_ONE = 1

export class FairQueue<Task extends Owned> {
  readonly #waiting: Task[] = []
  readonly #running = new Map<string, number>()
  readonly #behindUntil = new Map<string, number>()
  readonly #now: () => number

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  push(task: Task): void {
    this.#waiting.push(task)
  }

  /** True if `take` would give one. */
  hasReady(): boolean {
    return this.#next() >= 0
  }

  /** The next job; it counts as running until `ended`. */
  take(): Task | undefined {
    const at = this.#next()
    const [task] = at < 0 ? [] : this.#waiting.splice(at, 1)
    if (task) this.#running.set(task.owner, this.#runningOf(task.owner) + 1)
    return task
  }

  /** `heavy`: it was long, or killed for its limits. */
  ended(task: Task, heavy: boolean): void {
    const left = this.#runningOf(task.owner) - 1
    if (left > 0) this.#running.set(task.owner, left)
    else this.#running.delete(task.owner)
    if (heavy) this.#behindUntil.set(task.owner, this.#now() + BEHIND_MS)
  }

  /** Everything that waits; nothing waits afterwards. */
  drain(): Task[] {
    return this.#waiting.splice(0)
  }

  #runningOf(owner: string): number {
    return this.#running.get(owner) ?? 0
  }

  #next(): number {
    const ready = (task: Task): boolean => this.#runningOf(task.owner) < MOST_OF_ONE
    const first = this.#waiting.findIndex((task) => ready(task) && !this.#isBehind(task.owner))
    return first >= 0 ? first : this.#waiting.findIndex(ready)
  }

  #isBehind(owner: string): boolean {
    const until = this.#behindUntil.get(owner)
    if (until === undefined) return false
    if (until > this.#now()) return true
    this.#behindUntil.delete(owner)
    return false
  }
}
