/** Whether there is too much to do, by how long work waits for its turn, and how long a device shall stay away. Rule QT-13. */

/** How long work has waited, milliseconds. */
export interface WorkWaits {
  /** Of accounts that have none at work: they are first in turn, so everybody waits as long. */
  readonly all: number
  readonly ofAccount: ReadonlyMap<string, number>
}

export interface OverloadParts {
  /** Above it sessions are deferred; 0 never. */
  readonly limitMs: number
  waits(): WorkWaits
  now(): number
  /** 0 up to but not 1. */
  random(): number
}

export interface Overload {
  /** Seconds to stay away, if nobody is let in. */
  deferAll(): number | undefined
  /** The same for one account alone. */
  deferAccount(accountId: string): number | undefined
}

/** Thousands may ask in a second: they are all told by one look at the queue. */
const LOOK_MS = 250
const LEAST_S = 10
const MOST_S = 300

export function createOverload(parts: OverloadParts): Overload {
  let seen: WorkWaits = { all: 0, ofAccount: new Map() }
  let seenAt = Number.NEGATIVE_INFINITY
  const look = (): WorkWaits => {
    if (parts.now() - seenAt < LOOK_MS) return seen
    seenAt = parts.now()
    seen = parts.waits()
    return seen
  }
  const judge = (waitMs: number): number | undefined =>
    parts.limitMs > 0 && waitMs > parts.limitMs ? retryAfterS(waitMs, parts.random()) : undefined
  return {
    deferAll: () => judge(look().all),
    deferAccount: (accountId) => judge(look().ofAccount.get(accountId) ?? 0),
  }
}

/** From as long as work waits now to three times that, by chance: who was sent away together shall not come together. */
export function retryAfterS(waitMs: number, random: number): number {
  const least = Math.max(LEAST_S, waitMs / 1000)
  return Math.min(MOST_S, Math.ceil(least * (1 + 2 * random)))
}
