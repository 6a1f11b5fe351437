/** Add and Replace by a client (IT-4, IT-5, IT-6, IT-10, IT-13, IT-15). */

import { isWithin } from './applyMove.ts'
import type { ChangeScope } from './changeScope.ts'
import { findParent, versionOf, writerOf } from './changeScope.ts'
import type { MeaningKeys, TypedContent } from './content.ts'
import { addMapRow, findByLuid, type MapRow, putMapRow, removeMapRow, touchMapRow } from './deviceMap.ts'
import { findTwin } from './findTwin.ts'
import {
  digestOf,
  findItem,
  type ItemRow,
  insertItem,
  isFull,
  keepLoser,
  readContent,
  readKeys,
  removeItem,
  replaceItem,
} from './itemRows.ts'
import type { JobChange } from './jobInput.ts'
import { chooseEditTime, type PutSettlement, putStatus, settlePut } from './settleChange.ts'
import type { StoreName } from './stores.ts'
import { evidenceOf } from './storesOf.ts'

const NOT_FOUND = 404
const UNSUPPORTED = 415
const TOO_LARGE = 416
const FULL = 420
const NO_PARENT = 500

type PutChange = JobChange & { readonly kind: 'put' }

/** A put that was read and found in order. */
interface Put {
  readonly change: PutChange
  readonly content: TypedContent
  readonly store: StoreName
  /** Undefined: it says nothing about its folder. */
  readonly parent: string | null | undefined
  keys(): MeaningKeys
}

/** The Item a LUID stands for, and what the map says of it. */
interface Known {
  readonly row: MapRow
  readonly item: ItemRow | undefined
  /** Found by its content, not by its LUID. */
  readonly matched: boolean
  readonly equal: boolean
}

/** @returns the Status. `octets` undefined: larger than any Item may be. */
export function applyPut(scope: ChangeScope, change: PutChange, octets: Uint8Array | undefined): number {
  if (octets === undefined) return TOO_LARGE
  const { file, row, rules } = scope
  const known = findByLuid(file, row.client, change.luid)
  if (change.fieldLevel) return known === undefined ? NOT_FOUND : applyFields(scope, change, octets, known)
  const checked = rules.check({ type: change.type, octets }, scope.stores)
  if (checked === undefined) return UNSUPPORTED
  scope.evidence |= evidenceOf(checked.store)
  const parent = change.parent === undefined ? undefined : findParent(scope, change.parent)
  if (change.parent !== undefined && parent === undefined) return NO_PARENT
  const put: Put = { change, content: { type: checked.type, octets }, store: checked.store, parent, keys: checked.keys }
  const place = findPlace(scope, put, known)
  if (place === undefined) return addNew(scope, put)
  if (place.item !== undefined && typeof parent === 'string' && isWithin(scope, parent, place.item.id)) return NO_PARENT
  return settle(scope, put, place)
}

/** The Item that the client means, if there is or was one. */
function findPlace(scope: ChangeScope, put: Put, known: MapRow | undefined): Known | undefined {
  const { file } = scope
  if (known === undefined) {
    const twin = findTwin(scope, put)
    return twin && { row: twin.row, item: twin.item, matched: true, equal: twin.same }
  }
  const item = findItem(file, known.id)
  if (item !== undefined && item.store !== put.store) return removeFormer(scope, item)
  const equal = item !== undefined && means(scope, put, item)
  const place = { row: known, item, matched: false, equal }
  if (equal || !scope.slow || known.run === scope.row.run) return place
  // A device that was reset gives its LUIDs anew: what is about something else is something else.
  const twin = findTwin(scope, put)
  if (twin !== undefined) return { row: twin.row, item: twin.item, matched: true, equal: twin.same }
  if (item === undefined) return place
  return sameKey(scope, put, item) ? place : undefined
}

/** An event that became a task is another Item; the old one goes. */
function removeFormer(scope: ChangeScope, item: ItemRow): undefined {
  const loss = { reason: 'client-wins', deviceId: scope.deviceId, now: scope.now } as const
  keepLoser(scope.file, item, readContent(scope.file, item), loss)
  removeItem(scope.file, item)
  removeMapRow(scope.file, scope.row.client, item.id)
  return undefined
}

/** Same content and same place. */
function means(scope: ChangeScope, put: Put, item: ItemRow): boolean {
  if (put.parent !== undefined && (put.parent ?? undefined) !== item.parent) return false
  if (digestOf(put.content.octets).equals(item.digest)) return true
  return readKeys(scope.file, scope.rules, item).contentKey === put.keys().contentKey
}

function sameKey({ file, rules }: ChangeScope, put: Put, item: ItemRow): boolean {
  const { matchKey } = put.keys()
  return matchKey !== '' && readKeys(file, rules, item).matchKey === matchKey
}

function addNew(scope: ChangeScope, put: Put): number {
  const { file, row } = scope
  if (isFull(file, put.store)) return FULL
  const id = file.newId()
  const writer = writerOf(scope, editTime(scope, put.content), false)
  const number = insertItem(file, { id, store: put.store, parent: put.parent ?? undefined }, put.content, writer)
  putMapRow(file, row.client, { id, luid: put.change.luid, version: number, run: row.run, spared: false })
  return 201
}

function editTime(scope: ChangeScope, content: TypedContent): number {
  return chooseEditTime(scope.rules.changedAt(content), scope.row.syncedAt, scope.now)
}

function settle(scope: ChangeScope, put: Put, { row, item, matched, equal }: Known): number {
  const settlement = settlePut({
    policy: scope.policy,
    held: versionOf(item),
    hadVersion: matched ? 0 : row.version,
    equal,
    // What the device was heard of in this run is no guess any more.
    slow: scope.slow && (matched || row.run !== scope.row.run),
    editedAt: editTime(scope, put.content),
  })
  const status = putStatus(settlement, put.change.command, !matched)
  return carryOut(scope, put, { row, item }, settlement) ?? status
}

/** @returns another Status if it cannot be done. */
function carryOut(
  scope: ChangeScope,
  put: Put,
  { row, item }: { readonly row: MapRow; readonly item: ItemRow | undefined },
  settlement: PutSettlement,
): number | undefined {
  const { file } = scope
  const client = scope.row.client
  const take = (version: number): void =>
    putMapRow(file, client, { id: row.id, luid: put.change.luid, version, run: scope.row.run, spared: false })
  if (item === undefined) {
    if (isFull(file, put.store)) return FULL
    const writer = writerOf(scope, editTime(scope, put.content), false)
    take(insertItem(file, { id: row.id, store: put.store, parent: put.parent ?? undefined }, put.content, writer))
    return undefined
  }
  if (settlement === 'unchanged') {
    if (row.luid === put.change.luid) touchMapRow(file, client, item.id, item.changed, scope.row.run)
    else take(item.changed)
    return undefined
  }
  const loss = { deviceId: scope.deviceId, now: scope.now }
  if (settlement === 'server-wins') {
    keepLoser(file, item, put.content, { ...loss, reason: 'server-wins' })
    // An older version than there is: the server's goes to the device.
    take(Math.min(row.version, item.changed - 1))
  } else if (settlement === 'duplicate') return splitOff(scope, put, row)
  else {
    if (settlement === 'client-wins') keepLoser(file, item, readContent(file, item), { ...loss, reason: 'client-wins' })
    take(replaceHeld(scope, put, item))
  }
  return undefined
}

/** The client's side becomes an Item of its own; the other one goes to the device as new. */
function splitOff(scope: ChangeScope, put: Put, row: MapRow): number | undefined {
  const { file } = scope
  if (isFull(file, put.store)) return FULL
  removeMapRow(file, scope.row.client, row.id)
  const id = file.newId()
  const writer = writerOf(scope, editTime(scope, put.content), false)
  const parent = put.parent ?? undefined
  const number = insertItem(file, { id, store: put.store, parent }, put.content, writer)
  addMapRow(file, scope.row.client, id, put.change.luid, number, scope.row.run)
  return undefined
}

/** The client's content over what is held; what it cannot hold survives (IT-10). @returns the new version. */
function replaceHeld(scope: ChangeScope, put: Put, item: ItemRow): number {
  const { file, rules } = scope
  const parent = put.parent === undefined ? item.parent : (put.parent ?? undefined)
  const editedAt = editTime(scope, put.content)
  if (item.abilities === scope.abilitiesDigest)
    return replaceItem(file, item, put.content, parent, writerOf(scope, editedAt, false))
  const held = readContent(file, item)
  const merged = rules.merge(held, put.content, scope.abilities(), { store: item.store, partial: false })
  return replaceItem(file, item, merged, parent, writerOf(scope, editedAt, merged !== put.content))
}

/** Field-level Replace: only what is there changes (reference 3.16). */
function applyFields(scope: ChangeScope, change: PutChange, octets: Uint8Array, known: MapRow): number {
  const { file, rules } = scope
  const item = findItem(file, known.id)
  if (item === undefined) return NOT_FOUND
  const incoming = { type: change.type, octets }
  const merged = rules.merge(readContent(file, item), incoming, scope.abilities(), { store: item.store, partial: true })
  const checked = rules.check(merged, [item.store])
  if (checked === undefined) return UNSUPPORTED
  const whole: Put = {
    change,
    content: { ...merged, type: checked.type },
    store: item.store,
    parent: undefined,
    keys: checked.keys,
  }
  // Fields that others changed meanwhile were taken over by the merge: nothing is lost, and the device lacks them.
  const behind = item.changed > known.version
  const number = replaceItem(file, item, whole.content, item.parent, writerOf(scope, scope.now, true))
  touchMapRow(file, scope.row.client, item.id, behind ? known.version : number, scope.row.run)
  return behind ? 207 : 200
}
