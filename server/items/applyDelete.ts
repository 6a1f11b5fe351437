/** Deletes by a client: for good, into the archive, or soft (IT-4, IT-6, IT-11, IT-15). */

import type { ChangeScope } from './changeScope.ts'
import { versionOf } from './changeScope.ts'
import { findByLuid, putMapRow, removeMapRow } from './deviceMap.ts'
import { findItem, hasChildren, keepLoser, readContent, removeItem } from './itemRows.ts'
import type { JobChange } from './jobInput.ts'
import { deleteStatus, settleDelete } from './settleChange.ts'

const NOT_EMPTY = 427
const SOFT_DELETE_CONFLICT = 423
const ALREADY_GONE = 211
const REFUSED = 403

type DeleteChange = JobChange & { readonly kind: 'delete' }

/** @returns the Status. */
export function applyDelete(scope: ChangeScope, change: DeleteChange): number {
  const { file, row } = scope
  const mapped = findByLuid(file, row.client, change.luid)
  if (mapped === undefined) return ALREADY_GONE
  const held = findItem(file, mapped.id)
  if (change.soft) {
    if (held === undefined) {
      removeMapRow(file, row.client, mapped.id)
      return SOFT_DELETE_CONFLICT
    }
    // The device makes room; the Item stays, and comes back to it when it changes.
    putMapRow(file, row.client, { ...mapped, luid: undefined, run: row.run, spared: true })
    return 200
  }
  const settlement = settleDelete(versionOf(held), mapped.version)
  if (held !== undefined && settlement === 'remove') {
    if (hasChildren(file, held.id)) return NOT_EMPTY
    if (change.archive)
      keepLoser(file, held, readContent(file, held), { reason: 'archived', deviceId: scope.deviceId, now: scope.now })
    removeItem(file, held)
    scope.deleted++
  }
  // Kept or gone: this device has it no longer.
  removeMapRow(file, row.client, mapped.id)
  return deleteStatus(settlement)
}

/** The guard holds: the Item stays, and is sent to the device again. @returns the Status. */
export function applyRefusedDelete(scope: ChangeScope, change: DeleteChange): number {
  const mapped = findByLuid(scope.file, scope.row.client, change.luid)
  if (mapped === undefined) return ALREADY_GONE
  removeMapRow(scope.file, scope.row.client, mapped.id)
  return REFUSED
}
