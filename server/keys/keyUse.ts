/** The port for what needs a master key: each kind of object says how many need which, and wraps anew (KY-3, KY-4). */

import type { KeyRing } from './keyRing.ts'

export interface KeyUse {
  /** What it is, for people: `copies`. */
  readonly what: string
  /** How many objects there are by the id of the master key they need. */
  count(): Promise<ReadonlyMap<string, number>>
  /**
   * Wraps anew what an older master key wraps; repeating does no harm. Absent for what soon goes by itself.
   * @throws {CodedError} `storage.*`.
   */
  rewrap?(): Promise<void>
}

/** Counts ids; what has none was made before there were ids, by the oldest key there is. */
export function countIds(ids: Iterable<string | undefined>, keyRing: KeyRing): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const id of ids) {
    const known = id ?? keyRing.olderKeyIds.at(-1) ?? keyRing.currentKeyId
    counts.set(known, (counts.get(known) ?? 0) + 1)
  }
  return counts
}
