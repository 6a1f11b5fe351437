/** The guard against a side that is suddenly empty (IT-11): pure. */

import { GUARDED_ITEMS, wouldEmpty } from '../../schemas/suddenlyEmpty.ts'

/**
 * True if `deletes` more must be refused: of at least ten Items when the session began, fewer than a tenth would stay.
 */
export function refusesDeletes(session: {
  readonly itemsAtStart: number
  readonly deletedBefore: number
  readonly deletes: number
}): boolean {
  const { itemsAtStart, deletedBefore, deletes } = session
  return deletes > 0 && wouldEmpty(itemsAtStart, itemsAtStart - deletedBefore - deletes)
}

/** True if a refresh from the client that named `named` Items must not delete the `held` ones. */
export function refusesEmptyRefresh(named: number, held: number): boolean {
  return named === 0 && held >= GUARDED_ITEMS
}

/** True if a device must not be emptied by a refresh from a datastore that had `most` Items once and has none. */
export function refusesEmptying(held: number, most: number): boolean {
  return held === 0 && most >= GUARDED_ITEMS
}
