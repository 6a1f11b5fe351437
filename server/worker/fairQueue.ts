/**
 * Jobs that wait, and which of them may start (BK-19). Pure but for the clock that is given.
 *
 * A device has one job at work. The account with the fewest jobs at work comes first, and one without any finds a place
 * even when the ordinary ones are taken. No account takes the last place there is. A device that did harm (a job of its was
 * killed, or worked long for nothing) waits behind all others for a while.
 */

/** Whose a job is. */
export interface JobOwner {
  readonly accountId: string
  readonly deviceId: string
}

interface Owned {
  readonly owner: JobOwner
}

/** How long a device stays behind the others after it did harm. */
const BEHIND_MS = 60_000

export class FairQueue<Task extends Owned> {
  readonly #size: number
  readonly #now: () => number
  readonly #waiting: Task[] = []
  readonly #since = new Map<Task, number>()
  readonly #running = new Set<Task>()
  readonly #long = new Set<Task>()
  readonly #behindUntil = new Map<string, number>()

  /** `size` jobs run at once; as many again if they are long, or of accounts that have none. */
  constructor(size: number, now: () => number = () => performance.now()) {
    this.#size = size
    this.#now = now
  }

  push(task: Task): void {
    this.#waiting.push(task)
    this.#since.set(task, this.#now())
  }

  /** True if `take` would give one. */
  hasReady(): boolean {
    return this.#next() !== undefined
  }

  /** The next job that may start; it counts as running until `ended`. */
  take(): Task | undefined {
    const task = this.#next()
    if (task === undefined) return undefined
    this.#waiting.splice(this.#waiting.indexOf(task), 1)
    this.#since.delete(task)
    this.#running.add(task)
    return task
  }

  /** It turned out to be a long one: its place is free for another. */
  isLong(task: Task): void {
    if (this.#running.has(task)) this.#long.add(task)
  }

  /** `harmful`: the job was killed, or was hard work that failed. */
  ended(task: Task, harmful: boolean): void {
    this.#running.delete(task)
    this.#long.delete(task)
    if (harmful) this.#behindUntil.set(deviceKey(task.owner), this.#now() + BEHIND_MS)
  }

  /** Everything that waits; nothing waits afterwards. */
  drain(): Task[] {
    this.#since.clear()
    return this.#waiting.splice(0)
  }

  /**
   * How long work has waited, milliseconds: of accounts that have none at work (they are first in turn, so everybody
   * waits as long), and of each account. Devices that did harm wait on purpose and are left out.
   */
  waits(): { readonly all: number; readonly ofAccount: ReadonlyMap<string, number> } {
    const atWork = new Set([...this.#running].map(({ owner }) => owner.accountId))
    const ofAccount = new Map<string, number>()
    let all = 0
    for (const task of this.#waiting) {
      const { accountId } = task.owner
      if (this.isBehind(task.owner)) continue
      const waitedMs = this.#now() - (this.#since.get(task) ?? this.#now())
      ofAccount.set(accountId, Math.max(ofAccount.get(accountId) ?? 0, waitedMs))
      if (!atWork.has(accountId)) all = Math.max(all, waitedMs)
    }
    return { all, ofAccount }
  }

  #next(): Task | undefined {
    if (this.#waiting.length === 0 || this.#running.size >= 2 * this.#size) return undefined
    const devices = new Set<string>()
    const accounts = new Map<string, number>()
    for (const { owner } of this.#running) {
      devices.add(deviceKey(owner))
      accounts.set(owner.accountId, (accounts.get(owner.accountId) ?? 0) + 1)
    }
    const ordinary = this.#running.size - this.#long.size < this.#size
    let best: Task | undefined
    let bestRank = Number.POSITIVE_INFINITY
    for (const task of this.#waiting) {
      const { owner } = task
      const held = accounts.get(owner.accountId) ?? 0
      const placed = held === 0 || (ordinary && held < 2 * this.#size - 1)
      if (!placed || devices.has(deviceKey(owner))) continue
      const rank = held + (this.isBehind(owner) ? 1000 : 0)
      if (rank < bestRank) [best, bestRank] = [task, rank]
      if (bestRank === 0) break
    }
    return best
  }

  /** True if jobs of this device come last, and at low priority. */
  isBehind(owner: JobOwner): boolean {
    const key = deviceKey(owner)
    const until = this.#behindUntil.get(key)
    if (until === undefined) return false
    if (until > this.#now()) return true
    this.#behindUntil.delete(key)
    return false
  }
}

function deviceKey({ accountId, deviceId }: JobOwner): string {
  return JSON.stringify([accountId, deviceId])
}
