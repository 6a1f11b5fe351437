/**
 * Copies tables between two files of one connection by SQL alone, so that no value passes through this program:
 * storage classes, ill-formed text and rowids arrive as they were.
 *
 * `INSERT … SELECT *` between tables of the same definition is done by SQLite as a copy of raw records. It keeps
 * the rowids of tables that have an INTEGER PRIMARY KEY or an index; the others name their rowid.
 */

import { CodedError } from '../../schemas/errors.ts'
import type { SqlDatabase } from '../sql/sqlDatabase.ts'
import { quoteName } from './copyLayout.ts'

const ROWID_NAMES = ['rowid', '_rowid_', 'oid'] as const

/** Where a table is: schema name within the connection, and the table's name there. */
export interface TablePlace {
  readonly schema: string
  readonly table: string
}

/** What a table is, as far as carrying its rows goes. */
export interface TableShape {
  /** Without generated ones. */
  readonly columns: readonly string[]
  /** A name that reaches the rowid; undefined if there is none or columns hide it. */
  readonly rowid: string | undefined
  readonly keepsRowids: boolean
  /** A column is the rowid under another name. */
  readonly alias: boolean
  readonly generated: boolean
}

/**
 * Fills the empty table `to` from `from` and returns how many rows it has.
 * @throws {CodedError} `integrity.mismatch` if rows or rowids did not all arrive; SQLite's own errors pass.
 */
export function copyTable(db: SqlDatabase, from: TablePlace, to: TablePlace): number {
  const shape = readShape(db, to)
  const source = `${from.schema}.${quoteName(from.table)}`
  const target = `${to.schema}.${quoteName(to.table)}`
  const raw = !shape.generated && (shape.rowid === undefined || shape.keepsRowids)
  // An index that lost entries must not answer for the table.
  const arrived = raw
    ? db.prepare(`INSERT INTO ${target} SELECT * FROM ${source} NOT INDEXED`).run()
    : copyByColumns(db, source, target, shape)
  const expected = readEnds(db, source, shape)
  const actual = readEnds(db, target, shape)
  if (expected.join() !== actual.join())
    throw new CodedError('integrity.mismatch', `table ${from.table}: rows ${expected} arrived as ${actual}`)
  return arrived
}

/** Values of generated columns cannot be given; SQLite copies such records raw only in some cases. */
function copyByColumns(db: SqlDatabase, source: string, target: string, shape: TableShape): number {
  const rowid = shape.rowid !== undefined && !shape.alias ? [shape.rowid] : []
  const list = [...rowid, ...shape.columns.map(quoteName)].join(', ')
  return db.prepare(`INSERT INTO ${target}(${list}) SELECT ${list} FROM ${source} NOT INDEXED`).run()
}

/**
 * The first and the last rowid, where they can be seen: rows numbered anew would end elsewhere, or were numbered so
 * before. Two looks, no scan: how many rows there are was counted by the statement that read each of them.
 */
function readEnds(db: SqlDatabase, table: string, { rowid }: TableShape): unknown[] {
  if (rowid === undefined) return []
  const end = (which: 'min' | 'max'): string => `(SELECT ${which}(${rowid}) FROM ${table} NOT INDEXED)`
  return db.prepare(`SELECT ${end('min')}, ${end('max')}`).get() ?? []
}

/** Reads the shape of a table that is there. */
export function readShape(db: SqlDatabase, place: TablePlace): TableShape {
  const columns = db
    .prepare('SELECT name, hidden FROM pragma_table_xinfo(?, ?) ORDER BY cid')
    .all(place.table, place.schema)
  const names = new Set(columns.map(([name]) => String(name).toLowerCase()))
  const [withoutRowid] =
    db.prepare('SELECT wr FROM pragma_table_list(?) WHERE schema = ?').get(place.table, place.schema) ?? []
  const rowid = withoutRowid === 1n ? undefined : ROWID_NAMES.find((name) => !names.has(name))
  const alias = withoutRowid !== 1n && hasRowidAlias(db, place)
  return {
    columns: columns.filter(([, hidden]) => hidden === 0n).map(([name]) => String(name)),
    rowid,
    keepsRowids: rowid !== undefined && (hasIndex(db, place) || alias),
    alias,
    generated: columns.some(([, hidden]) => hidden !== 0n),
  }
}

function hasIndex(db: SqlDatabase, place: TablePlace): boolean {
  return db.prepare('SELECT 1 FROM pragma_index_list(?, ?)').get(place.table, place.schema) !== undefined
}

/** True if a column is the rowid: a key of one column of type INTEGER that needed no index. */
function hasRowidAlias(db: SqlDatabase, place: TablePlace): boolean {
  const keys = db
    .prepare('SELECT type FROM pragma_table_xinfo(?, ?) WHERE pk > 0')
    .all(place.table, place.schema)
    .map(([type]) => String(type).toUpperCase())
  const keyIndex = db.prepare("SELECT 1 FROM pragma_index_list(?, ?) WHERE origin='pk'").get(place.table, place.schema)
  return keys.length === 1 && keys[0] === 'INTEGER' && keyIndex === undefined
}
