/** Copy and Move by a client (reference 3.16). */

import type { ChangeScope } from './changeScope.ts'
import { findParent, writerOf } from './changeScope.ts'
import { addMapRow, findByLuid, touchMapRow } from './deviceMap.ts'
import { findItem, insertItem, isFull, readContent, replaceItem } from './itemRows.ts'
import type { JobChange } from './jobInput.ts'

const NOT_FOUND = 404
const EXISTS = 418
const FULL = 420
const INCOMPLETE = 412
const MOVE_FAILED = 428

/** @returns the Status. */
export function applyCopy(scope: ChangeScope, change: JobChange & { readonly kind: 'copy' }): number {
  const { file, row } = scope
  const mapped = findByLuid(file, row.client, change.luid)
  const held = mapped && findItem(file, mapped.id)
  if (held === undefined) return NOT_FOUND
  if (findByLuid(file, row.client, change.newLuid) !== undefined) return EXISTS
  if (isFull(file, held.store)) return FULL
  const id = file.newId()
  const writer = { ...writerOf(scope, scope.now, false), abilities: held.abilities }
  const number = insertItem(file, { id, store: held.store, parent: held.parent }, readContent(file, held), writer)
  addMapRow(file, row.client, id, change.newLuid, number, row.run)
  return 201
}

/** @returns the Status. */
export function applyMove(scope: ChangeScope, change: JobChange & { readonly kind: 'move' }): number {
  const { file, row } = scope
  const mapped = findByLuid(file, row.client, change.luid)
  const held = mapped && findItem(file, mapped.id)
  if (mapped === undefined || held === undefined) return INCOMPLETE
  const parent = findParent(scope, change.parent)
  if (parent === undefined || isWithin(scope, parent, held.id)) return MOVE_FAILED
  if ((parent ?? undefined) === held.parent) return 200
  // A folder is one more thing both sides may change: the later one places it.
  const writer = { ...writerOf(scope, scope.now, false), abilities: held.abilities }
  const number = replaceItem(file, held, readContent(file, held), parent ?? undefined, writer)
  // What others changed meanwhile still has to come.
  const seen = mapped.version < held.changed ? mapped.version : number
  touchMapRow(file, row.client, held.id, seen, row.run)
  return 200
}

/** True if folder `id` is `folder` or one above it: it cannot be put into itself. */
export function isWithin({ file }: ChangeScope, folder: string | null, id: string): boolean {
  let at: string | null | undefined = folder
  for (let depth = 0; typeof at === 'string' && depth < 1000; depth++) {
    if (at === id) return true
    at = findItem(file, at)?.parent
  }
  return false
}
