/**
 * What goes to the server: the source as it is now against the picture of what both sides last agreed on. Pure.
 * Rule DC-60.
 */

import { type SyncType, sendsAll } from './syncMode.ts'

/** One item as both sides had it. */
export interface PicturedItem {
  readonly digest: string
  /** It had its turn in the sync of the whole set that is under way. */
  readonly settled: boolean
}

export interface LocalChange {
  readonly command: 'Add' | 'Replace' | 'Delete'
  readonly luid: string
}

/** Deletes first: what they free may be needed by what comes. */
export function planChanges(
  type: SyncType,
  picture: ReadonlyMap<string, PicturedItem>,
  digests: ReadonlyMap<string, string>,
  unreadable: ReadonlySet<string>,
): readonly LocalChange[] {
  const whole = sendsAll(type)
  const luids = [...digests.keys()].sort()
  const puts = luids.flatMap((luid): LocalChange[] => {
    const held = picture.get(luid)
    if (held === undefined) return [{ command: 'Add', luid }]
    const same = held.digest === digests.get(luid)
    return same && (!whole || held.settled) ? [] : [{ command: 'Replace', luid }]
  })
  if (whole) return puts
  const gone = [...picture.keys()].filter((luid) => !digests.has(luid) && !unreadable.has(luid)).sort()
  return [...gone.map((luid): LocalChange => ({ command: 'Delete', luid })), ...puts]
}
