/**
 * How many sessions somebody began within the last hour, in memory. The count is that of a window that slides: of the
 * hour before, the part that is not over yet. Rule QT-8.
 */

const HOUR_MS = 3_600_000

/** Accounts and devices that are counted; beyond, those that came first are forgotten. */
const MAX_COUNTED = 200_000

interface Count {
  hour: number
  current: number
  before: number
}

export interface SessionCounts {
  /** Sessions of the last hour. */
  count(key: string): number
  add(key: string): void
  /** Seconds until `key` has fewer than `limit`, at most an hour. */
  secondsUntilBelow(key: string, limit: number): number
}

export function createSessionCounts(now: () => number, maxCounted = MAX_COUNTED): SessionCounts {
  const counts = new Map<string, Count>()
  const present = (key: string): Count => {
    const hour = Math.floor(now() / HOUR_MS)
    const known = counts.get(key)
    if (known === undefined || known.hour < hour - 1) return { hour, current: 0, before: 0 }
    return known.hour === hour ? known : { hour, current: 0, before: known.current }
  }
  const countAt = ({ current, before }: Count, passed: number): number => current + before * (1 - passed)
  return {
    count: (key) => Math.ceil(countAt(present(key), (now() % HOUR_MS) / HOUR_MS)),
    add: (key) => {
      const count = present(key)
      count.current++
      // Put anew, so that the map is in the order of the last session.
      counts.delete(key)
      counts.set(key, count)
      for (const oldest of counts.keys()) {
        if (counts.size <= maxCounted) break
        counts.delete(oldest)
      }
    },
    secondsUntilBelow: (key, limit) => {
      const count = present(key)
      const restS = (HOUR_MS - (now() % HOUR_MS)) / 1000
      if (count.current >= limit) return Math.ceil(restS)
      const share = count.before === 0 ? 0 : (limit - 1 - count.current) / count.before
      const passed = (now() % HOUR_MS) / HOUR_MS
      return Math.max(1, Math.min(Math.ceil(restS), Math.ceil(((1 - share - passed) * HOUR_MS) / 1000)))
    },
  }
}
