/**
 * Everything of a plain SQLite database that a restore must bring back, as text that can be compared:
 * header values, `sqlite_schema` in its order, and each row with rowid, storage classes and exact bytes.
 * Objects named `_nightferry_*` are left out: they are not the user's data.
 */

import { createHash } from 'node:crypto'
import { openDatabase } from '../../server/sql/betterSqlite.ts'
import type { SqlDatabase, SqlValue } from '../../server/sql/sqlDatabase.ts'

const HEADER_PRAGMAS = ['user_version', 'application_id', 'encoding', 'page_size', 'auto_vacuum'] as const
const ROWID_NAMES = ['rowid', '_rowid_', 'oid'] as const

/** The whole dump, one line per fact. */
export function canonicalDump(path: string): string {
  return [...canonicalLines(path)].join('\n')
}

/** SHA-256 of the same lines, for databases too large to hold as text. */
export function canonicalDigest(path: string): string {
  const hash = createHash('sha256')
  for (const line of canonicalLines(path)) hash.update(line).update('\n')
  return hash.digest('hex')
}

/** The dump of an open database: for sources that are not plain files. */
export function* dumpDatabase(db: SqlDatabase): Generator<string> {
  for (const name of HEADER_PRAGMAS) yield `${name} ${db.pragma(name)}`
  const objects = db
    .prepare('SELECT type, name, tbl_name, sql, rootpage FROM sqlite_schema ORDER BY rowid')
    .all()
    .filter(([, name, table]) => !isOurs(String(name)) && !isOurs(String(table)))
  for (const [type, name, table, sql] of objects) yield JSON.stringify([type, name, table, sql])
  for (const [type, name, , , rootPage] of objects) {
    if (type === 'table' && rootPage !== null && rootPage !== 0n) yield* dumpTable(db, String(name))
  }
}

function* canonicalLines(path: string): Generator<string> {
  const db = openDatabase(path, { cipher: { kind: 'none' } })
  try {
    yield* dumpDatabase(db)
  } finally {
    db.close()
  }
}

function isOurs(name: string): boolean {
  return name.toLowerCase().startsWith('_nightferry_')
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function* dumpTable(db: SqlDatabase, table: string): Generator<string> {
  // Virtual generated columns (hidden 2) are not stored: they follow from the definition.
  const columns = db
    .prepare(`SELECT name, hidden FROM pragma_table_xinfo(?) WHERE hidden <> 2 ORDER BY cid`)
    .all(table)
    .map(([name]) => String(name))
  const [withoutRowid] = db.prepare("SELECT wr FROM pragma_table_list(?) WHERE schema = 'main'").get(table) ?? []
  const rowid =
    withoutRowid === 1n ? undefined : ROWID_NAMES.find((name) => !columns.some((c) => c.toLowerCase() === name))
  const values = columns.flatMap((name) => {
    const column = quote(name)
    return [`typeof(${column})`, `CASE typeof(${column}) WHEN 'text' THEN CAST(${column} AS BLOB) ELSE ${column} END`]
  })
  // SQLite's own tables are read by value; ANALYZE counts our tables too.
  const system = table.toLowerCase().startsWith('sqlite_')
  const own = /^sqlite_stat/i.test(table) ? " WHERE tbl NOT LIKE '!_nightferry!_%' ESCAPE '!'" : ''
  const head = rowid === undefined || system ? '0' : rowid
  const order = rowid === undefined ? '' : ` ORDER BY ${rowid}`
  yield `table ${JSON.stringify([table, columns])} ${rowid === undefined ? 'no rowid' : 'rowid'}`
  const rows = db.prepare(`SELECT ${head}, ${values.join(', ')} FROM ${quote(table)} NOT INDEXED${own}${order}`)
  for (const row of rows.iterate()) yield formatRow(row)
}

function formatRow([rowid, ...cells]: SqlValue[]): string {
  const parts = [String(rowid)]
  for (let index = 0; index < cells.length; index += 2)
    parts.push(`${cells[index]}:${formatCell(cells[index + 1] ?? null)}`)
  return parts.join(' ')
}

function formatCell(value: SqlValue): string {
  if (value === null) return ''
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'string') throw new Error('text must arrive as bytes')
  if (typeof value !== 'number') return Buffer.from(value).toString('hex')
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return bytes.toString('hex')
}
