/**
 * Items as rows: an ordinary row in their store's table, and what synchronization needs to know of them in
 * `_nightferry_sync_item`. Writers keep for readers what was already promised to a device (`_nightferry_sync_out`).
 */

import { isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'
import { KEPT_LOSER_MS, MAX_ITEMS_PER_STORE, MAX_KEPT_LOSERS } from '../../schemas/limits.ts'
import type { SqlValue } from '../sql/sqlDatabase.ts'
import type { ContentRules, MeaningKeys, TypedContent } from './content.ts'
import type { ItemFile, StoreCount } from './itemFile.ts'
import type { HeldVersion } from './settleChange.ts'
import { type StoreName, storeNumber, storeOfNumber } from './stores.ts'

/** What synchronization knows of an Item. */
export interface ItemRow extends HeldVersion {
  readonly id: string
  readonly store: StoreName
  readonly sizeBytes: number
  readonly digest: Buffer
  /** Digest of what its last writer can hold; empty after a merge. */
  readonly abilities: string
  readonly parent: string | undefined
}

/** Who writes, and when. */
export interface Writer {
  readonly deviceId: string
  readonly now: number
  readonly editedAt: number
  readonly abilities: string
}

/** 128 bits of the octets' SHA-256: equal digests are equal octets. */
export function digestOf(octets: Uint8Array): Buffer {
  return hash('sha256', octets, 'buffer').subarray(0, 16)
}

const COLUMNS = 'id, store, changed, edited_at, size, digest, abilities, parent'

function toItemRow(row: readonly SqlValue[]): ItemRow {
  const [id, store, changed, editedAt, size, digest, abilities, parent] = row
  return {
    id: String(id),
    store: storeOfNumber(Number(store)),
    changed: Number(changed),
    editedAt: Number(editedAt),
    sizeBytes: Number(size),
    digest: digest as Buffer,
    abilities: String(abilities),
    parent: parent === null || parent === undefined ? undefined : String(parent),
  }
}

/** The Item of an id, if it is there. */
export function findItem(file: ItemFile, id: string): ItemRow | undefined {
  const row = file.sql(`SELECT ${COLUMNS} FROM _nightferry_sync_item WHERE id = ?`).get(id)
  return row && toItemRow(row)
}

/** Text as TEXT, so that whoever restores the copy can read it; what is no UTF-8 as it came. */
export function toColumn(octets: Uint8Array): string | Uint8Array {
  return isUtf8(octets) ? Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString() : octets
}

/** The octets of a content column. */
export function fromColumn(value: SqlValue | undefined): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value)
  return value instanceof Uint8Array ? value : new Uint8Array(0)
}

/** The keys of an Item; kept once they were asked for. */
export function readKeys(
  file: ItemFile,
  rules: ContentRules,
  item: { readonly id: string; readonly store: StoreName },
): MeaningKeys {
  const [match, meaning] = file.sql('SELECT match, meaning FROM _nightferry_sync_item WHERE id = ?').get(item.id) ?? []
  if (typeof match === 'string' && typeof meaning === 'string') return { matchKey: match, contentKey: meaning }
  const keys = rules.keys(readContent(file, item), item.store)
  file
    .sql('UPDATE _nightferry_sync_item SET match = ?, meaning = ? WHERE id = ?')
    .run(keys.matchKey, keys.contentKey, item.id)
  return keys
}

/** The content of an Item. */
export function readContent(file: ItemFile, item: { readonly id: string; readonly store: StoreName }): TypedContent {
  const [type, content] = file.sql(`SELECT type, content FROM ${item.store} WHERE id = ?`).get(item.id) ?? []
  return { type: String(type), octets: fromColumn(content) }
}

/** How many Items a store has, and had at most. */
export function countItems(file: ItemFile, store: StoreName): StoreCount {
  return file.count(storeNumber(store))
}

/** True if the store takes no more (IT-17). */
export function isFull(file: ItemFile, store: StoreName): boolean {
  return countItems(file, store).items >= MAX_ITEMS_PER_STORE
}

/** A new Item, or one that comes back under its id. */
export function insertItem(
  file: ItemFile,
  item: { readonly id: string; readonly store: StoreName; readonly parent: string | undefined },
  content: TypedContent,
  writer: Writer,
): number {
  file.keepPast(item.store, item.id)
  const number = file.change()
  const [changed, now] = [BigInt(number), BigInt(writer.now)]
  const parent = item.parent ?? null
  file
    .sql(
      `INSERT INTO ${item.store}(id, type, content, parent, changed, changed_at, changed_by)
       VALUES(?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(item.id, content.type, toColumn(content.octets), parent, changed, now, writer.deviceId)
  file
    .sql(`INSERT INTO _nightferry_sync_item(${COLUMNS}) VALUES(?, ?, ?, ?, ?, ?, ?, ?)`)
    .run(
      item.id,
      BigInt(storeNumber(item.store)),
      changed,
      BigInt(writer.editedAt),
      BigInt(content.octets.length),
      digestOf(content.octets),
      writer.abilities,
      parent,
    )
  file.addToCount(storeNumber(item.store), 1)
  return number
}

/** New content, or a new parent, of an Item that is there. */
export function replaceItem(
  file: ItemFile,
  item: { readonly id: string; readonly store: StoreName },
  content: TypedContent,
  parent: string | undefined,
  writer: Writer,
): number {
  keepPromised(file, item)
  file.keepPast(item.store, item.id)
  const number = file.change()
  const [changed, now] = [BigInt(number), BigInt(writer.now)]
  file
    .sql(
      `UPDATE ${item.store} SET type = ?, content = ?, parent = ?, changed = ?, changed_at = ?,
       changed_by = ? WHERE id = ?`,
    )
    .run(content.type, toColumn(content.octets), parent ?? null, changed, now, writer.deviceId, item.id)
  file
    .sql(
      `UPDATE _nightferry_sync_item SET changed = ?, edited_at = ?, size = ?, digest = ?, match = NULL, meaning = NULL, abilities = ?,
       parent = ? WHERE id = ?`,
    )
    .run(
      changed,
      BigInt(writer.editedAt),
      BigInt(content.octets.length),
      digestOf(content.octets),
      writer.abilities,
      parent ?? null,
      item.id,
    )
  return number
}

/** Removes an Item. What devices have of it stays in their maps until they were told. */
export function removeItem(file: ItemFile, item: { readonly id: string; readonly store: StoreName }): void {
  keepPromised(file, item)
  file.keepPast(item.store, item.id)
  file.change()
  file.sql(`DELETE FROM ${item.store} WHERE id = ?`).run(item.id)
  file.sql('DELETE FROM _nightferry_sync_item WHERE id = ?').run(item.id)
  file.addToCount(storeNumber(item.store), -1)
}

/** True if Items lie in this folder. */
export function hasChildren(file: ItemFile, id: string): boolean {
  return file.sql('SELECT 1 FROM _nightferry_sync_item WHERE parent = ? LIMIT 1').get(id) !== undefined
}

/** The old content moves to the lists of devices that are to get it: a page shows the same octets each time. */
function keepPromised(file: ItemFile, item: { readonly id: string; readonly store: StoreName }): void {
  const promised = file
    .sql('SELECT 1 FROM _nightferry_sync_out WHERE id = ? AND content IS NULL AND command <> ? LIMIT 1')
    .get(item.id, 'Delete')
  if (promised === undefined) return
  file
    .sql(
      `UPDATE _nightferry_sync_out AS o SET
         (type, content, parent) = (SELECT t.type, t.content, t.parent FROM ${item.store} t WHERE t.id = o.id),
         abilities = (SELECT i.abilities FROM _nightferry_sync_item i WHERE i.id = o.id)
       WHERE o.id = ? AND o.content IS NULL AND o.command <> 'Delete'`,
    )
    .run(item.id)
}

/** Keeps the losing side of a conflict (IT-4), within its limits (IT-17). */
export function keepLoser(
  file: ItemFile,
  item: { readonly id: string; readonly store: StoreName },
  content: TypedContent,
  loss: {
    readonly reason: 'client-wins' | 'server-wins' | 'archived' | 'refreshed'
    readonly deviceId: string
    readonly now: number
  },
): void {
  file
    .sql(`INSERT INTO _nightferry_sync_loser(store, id, at, device, reason, type, content) VALUES(?, ?, ?, ?, ?, ?, ?)`)
    .run(
      BigInt(storeNumber(item.store)),
      item.id,
      BigInt(loss.now),
      loss.deviceId,
      loss.reason,
      content.type,
      toColumn(content.octets),
    )
  file
    .sql(
      `DELETE FROM _nightferry_sync_loser
       WHERE loser <= (SELECT max(loser) FROM _nightferry_sync_loser) - ${MAX_KEPT_LOSERS}`,
    )
    .run()
}

/** Forgets losers whose time is over. */
export function forgetLosers(file: ItemFile, now: number): void {
  file.sql('DELETE FROM _nightferry_sync_loser WHERE at < ?').run(BigInt(now - KEPT_LOSER_MS))
}
