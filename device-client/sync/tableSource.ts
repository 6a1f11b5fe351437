/**
 * The rows of one SQLite table as a source of items: each a line of JSON with its columns by name. A whole number that is
 * the table's key belongs to the device and is no part of the item; a text key is the same everywhere and part of it.
 * Rules DC-65, DC-69.
 */

import { decodeCell, encodeCell, TextBytes } from '../../schemas/delta/value.ts'
import { CodedError } from '../../schemas/errors.ts'
import { MAX_CONTENT_BYTES, MAX_ITEMS_PER_STORE } from '../../schemas/limits.ts'
import { decodeUtf8, encodeUtf8 } from '../../schemas/utf8.ts'
import { transacting } from '../observe/connection.ts'
import type { SqlDatabase, SqlValue } from '../ports.ts'
import { contentDigest } from './contentDigest.ts'
import type { ItemSource, ReplaceOutcome, SourceScan } from './itemSource.ts'

/** Longest text key that serves as a LUID, in characters. */
const MAX_KEY_CHARS = 200

interface Table {
  readonly db: SqlDatabase
  readonly name: string
  readonly key: string
  /** The key is a whole number that each device gives by itself. */
  readonly ownKey: boolean
  /** Columns of an item, sorted. */
  readonly columns: readonly string[]
}

/**
 * Fills the port `ItemSource` with the rows of `name`. The connection belongs to the source from now on.
 * @throws {CodedError} `database.unknown` if there is no such table, `config.invalid` if it has no key that can be a LUID.
 */
export function openTableSource(db: SqlDatabase, name: string): ItemSource {
  const table = readShape(db, name)
  return {
    scan: async () => scan(table),
    read: async (luid) => readRow(table, luid),
    asKept: (octets) => encodeRow(table, decodeRow(table, octets)),
    chooseLuid: async (octets) => chooseKey(table, octets),
    add: async (luid, octets) => insertRow(table, luid, decodeRow(table, octets)),
    replace: async (luid, octets, expected) => replaceRow(table, luid, octets, expected),
    remove: async (luid, expected) => removeRow(table, luid, expected),
    close: async () => db.close(),
  }
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`

function readShape(db: SqlDatabase, name: string): Table {
  // Hidden and generated columns are not of the row's making.
  const rows = db.prepare('SELECT name, type, pk FROM pragma_table_xinfo(?) WHERE hidden = 0').all(name)
  if (rows.length === 0)
    throw new CodedError('database.unknown', `there is no table ${name}`, { next: 'Check its name.' })
  const keys = rows.filter(([, , pk]) => pk !== 0n)
  const [first] = keys
  const type = String(first?.[1] ?? '').toUpperCase()
  const ownKey = type === 'INTEGER'
  const isText = /CHAR|CLOB|TEXT/.test(type)
  if (keys.length !== 1 || first === undefined || (!ownKey && !isText)) {
    throw new CodedError('config.invalid', `the table ${name} has no primary key of one INTEGER or TEXT column`, {
      next: 'Only such tables can be synchronized.',
    })
  }
  const key = String(first[0])
  const columns = rows.map(([column]) => String(column)).filter((column) => !ownKey || column !== key)
  return { db, name, key, ownKey, columns: columns.sort() }
}

function keyOf({ ownKey }: Table, luid: string): SqlValue | undefined {
  if (!ownKey) return luid
  return /^-?\d{1,19}$/.test(luid) ? BigInt(luid) : undefined
}

type Row = ReadonlyMap<string, SqlValue>

function scan(table: Table): SourceScan {
  const { db, name, key, columns } = table
  const digests = new Map<string, string>()
  const unreadable: { luid: string; reason: string }[] = []
  const list = [key, ...columns].map(quoted).join(', ')
  for (const [id, ...cells] of db.prepare(`SELECT ${list} FROM ${quoted(name)}`).iterate()) {
    const luid = String(id)
    if (luid.length > MAX_KEY_CHARS || luid === '')
      unreadable.push({ luid: luid.slice(0, MAX_KEY_CHARS), reason: 'its key cannot be a LUID' })
    else
      digests.set(
        luid,
        contentDigest(encodeRow(table, new Map(columns.map((column, at) => [column, cells[at] ?? null])))),
      )
    if (digests.size > MAX_ITEMS_PER_STORE) throw new CodedError('protocol.too-large', `${name} has too many rows`)
  }
  return { digests, unreadable }
}

function readRow(table: Table, luid: string): Uint8Array | undefined {
  const key = keyOf(table, luid)
  if (key === undefined) return undefined
  const { db, name, columns } = table
  const list = columns.length === 0 ? '1' : columns.map(quoted).join(', ')
  const row = db.prepare(`SELECT ${list} FROM ${quoted(name)} WHERE ${quoted(table.key)} = ?`).get(key)
  return row && encodeRow(table, new Map(columns.map((column, at) => [column, row[at] ?? null])))
}

function encodeRow({ columns }: Table, row: Row): Uint8Array {
  const cells = columns
    .filter((column) => row.has(column))
    .map((column) => [column, encodeCell(row.get(column) ?? null)])
  return encodeUtf8(JSON.stringify(Object.fromEntries(cells)))
}

/** Columns this table does not have are another version's, and left out. */
function decodeRow(table: Table, octets: Uint8Array): Row {
  if (octets.length > MAX_CONTENT_BYTES) throw new CodedError('protocol.too-large', `a row of ${octets.length} octets`)
  const entries = Object.entries(parseObject(octets))
  const known = new Set(table.columns)
  return new Map(entries.filter(([column]) => known.has(column)).map(([column, cell]) => [column, cellOf(cell)]))
}

function parseObject(octets: Uint8Array): object {
  try {
    const value: unknown = JSON.parse(decodeUtf8(octets) ?? '')
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch (cause) {
    throw new CodedError('content.invalid', 'the item is no JSON', { cause })
  }
  throw new CodedError('content.invalid', 'the item is no row')
}

function cellOf(json: unknown): SqlValue {
  try {
    const cell = decodeCell(json)
    if (!(cell instanceof TextBytes)) return cell
  } catch (cause) {
    throw new CodedError('content.invalid', 'a column of the item has no known form', { cause })
  }
  throw new CodedError('content.invalid', 'a text of the item is no Unicode')
}

function chooseKey(table: Table, octets: Uint8Array): string {
  const { db, name, key, ownKey } = table
  if (ownKey) return String(db.prepare(`SELECT coalesce(max(${quoted(key)}), 0) + 1 FROM ${quoted(name)}`).get()?.[0])
  const luid = decodeRow(table, octets).get(key)
  if (typeof luid !== 'string' || luid === '' || luid.length > MAX_KEY_CHARS) {
    throw new CodedError('content.invalid', `the item has no key ${key}`)
  }
  if (readRow(table, luid) === undefined) return luid
  throw new CodedError('content.invalid', `there is another row with the key ${luid.slice(0, 40)}`)
}

function insertRow(table: Table, luid: string, row: Row): void {
  const { db, name, key, ownKey } = table
  const cells: [string, SqlValue][] = [...row]
  if (ownKey) cells.push([key, keyOf(table, luid) ?? null])
  const list = cells.map(([column]) => quoted(column)).join(', ')
  const marks = cells.map(() => '?').join(', ')
  write(() =>
    db.prepare(`INSERT INTO ${quoted(name)}(${list}) VALUES (${marks})`).run(...cells.map(([, value]) => value)),
  )
}

function replaceRow(table: Table, luid: string, octets: Uint8Array, expected: string | undefined): ReplaceOutcome {
  const row = decodeRow(table, octets)
  if (!table.ownKey && row.get(table.key) !== luid) throw new CodedError('content.invalid', 'the item has another key')
  return transacting(table.db, true, (): ReplaceOutcome => {
    const held = readRow(table, luid)
    if (held === undefined) {
      insertRow(table, luid, row)
      return { kind: 'replaced' }
    }
    const digest = contentDigest(held)
    const changed = digest !== expected && digest !== contentDigest(octets)
    if (changed && !table.ownKey) return { kind: 'refused' }
    const kept = changed ? chooseKey(table, held) : undefined
    updateRow(table, luid, row)
    if (kept === undefined) return { kind: 'replaced' }
    insertRow(table, kept, decodeRow(table, held))
    return { kind: 'kept-both', luid: kept }
  })
}

function updateRow(table: Table, luid: string, row: Row): void {
  const cells = [...row].filter(([column]) => column !== table.key)
  if (cells.length === 0) return
  const list = cells.map(([column]) => `${quoted(column)} = ?`).join(', ')
  const sql = `UPDATE ${quoted(table.name)} SET ${list} WHERE ${quoted(table.key)} = ?`
  write(() => table.db.prepare(sql).run(...cells.map(([, value]) => value), keyOf(table, luid) ?? null))
}

function removeRow(table: Table, luid: string, expected: string): 'removed' | 'changed' | 'absent' {
  return transacting(table.db, true, () => {
    const held = readRow(table, luid)
    if (held === undefined) return 'absent'
    if (contentDigest(held) !== expected) return 'changed'
    const sql = `DELETE FROM ${quoted(table.name)} WHERE ${quoted(table.key)} = ?`
    table.db.prepare(sql).run(keyOf(table, luid) ?? null)
    return 'removed'
  })
}

/** What the table itself refuses, such as a value twice in a unique column, concerns one item alone. */
function write(work: () => void): void {
  try {
    work()
  } catch (cause) {
    if (cause instanceof CodedError) throw cause
    throw new CodedError('content.invalid', `the table does not take the row: ${String(cause)}`, { cause })
  }
}
