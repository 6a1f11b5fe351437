/**
 * A database as SQL text that the `sqlite3` shell reads back to an equal one (DC-95): tables with their rows, then
 * indexes, triggers and views, as its own `.dump` has it, and what the file says of itself.
 */

import { quoteName, quoteText } from '../../schemas/delta/toSql.ts'
import { CodedError } from '../../schemas/errors.ts'
import { toHex } from '../../schemas/hex.ts'
import { readTableShape } from '../observe/tableShape.ts'
import type { SqlDatabase, SqlValue } from '../ports.ts'

/** Columns of a table at the most: each is read twice. */
const MAX_COLUMNS = 900

interface DumpedObject {
  readonly type: string
  readonly name: string
  readonly tableName: string
  readonly sql: string
}

/** The text, piece by piece; of one table alone, with its indexes and triggers, if `only` names it. */
export function* dumpSql(database: SqlDatabase, only?: string): Generator<string> {
  const objects = readDefinitions(database).filter(({ tableName }) => only === undefined || tableName === only)
  const pragma = (name: string): SqlValue => database.prepare(`PRAGMA ${name}`).get()?.[0] ?? 0n
  if (only === undefined)
    yield `PRAGMA page_size=${pragma('page_size')};\nPRAGMA encoding=${quoteText(String(pragma('encoding')))};\nPRAGMA auto_vacuum=${pragma('auto_vacuum')};\n`
  yield 'PRAGMA foreign_keys=OFF;\nPRAGMA ignore_check_constraints=ON;\nBEGIN TRANSACTION;\n'
  const virtual = objects.filter(isVirtual)
  for (const object of objects)
    if (object.type === 'table' && !isVirtual(object)) {
      yield `${object.sql};\n`
      yield* insertRows(database, object.name)
    }
  yield* dumpSystemTables(database, only)
  if (virtual.length > 0) {
    // Their tables are there already, with what they hold; creating them anew would make those a second time.
    yield 'PRAGMA writable_schema=ON;\n'
    for (const { name, sql } of virtual)
      yield `INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql) VALUES('table',${quoteText(name)},${quoteText(name)},0,${quoteText(sql)});\n`
    yield 'PRAGMA writable_schema=OFF;\n'
  }
  for (const { type, sql } of objects) if (type !== 'table') yield `${sql};\n`
  if (only === undefined)
    yield `PRAGMA user_version=${pragma('user_version')};\nPRAGMA application_id=${pragma('application_id')};\n`
  yield 'COMMIT;\n'
}

/** What has a definition, in the order of the schema; SQLite's own tables have theirs from SQLite. */
function readDefinitions(database: SqlDatabase): DumpedObject[] {
  return database
    .prepare(
      "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql NOT NULL AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY rowid",
    )
    .all()
    .map(([type, name, tableName, sql]) => ({
      ...{ type: String(type), name: String(name), tableName: String(tableName), sql: String(sql) },
    }))
}

function isVirtual({ sql }: Pick<DumpedObject, 'sql'>): boolean {
  return /^CREATE\s+VIRTUAL\s/i.test(sql)
}

/** `sqlite_sequence` comes into being with AUTOINCREMENT, `sqlite_stat1` with ANALYZE; not every SQLite has `sqlite_stat4`. */
function* dumpSystemTables(database: SqlDatabase, only: string | undefined): Generator<string> {
  const held = database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN ('sqlite_sequence', 'sqlite_stat1')")
    .all()
    .map(([name]) => String(name))
  if (only !== undefined) return
  if (held.some((name) => name.startsWith('sqlite_stat'))) yield 'ANALYZE sqlite_schema;\n'
  for (const name of held) {
    yield `DELETE FROM ${name};\n`
    yield* insertRows(database, name)
  }
}

function* insertRows(database: SqlDatabase, table: string): Generator<string> {
  const { columns, rowid, rowidColumn } = readTableShape(database, table, 'table')
  const hidden = rowidColumn === undefined && rowid !== undefined && !table.startsWith('sqlite_') ? [rowid] : []
  const list = [...hidden, ...columns.map(quoteName)]
  if (list.length > MAX_COLUMNS)
    throw new CodedError('database.untrackable', `table ${table} has too many columns to be written as text`, {
      next: 'Export it with --format sqlite.',
    })
  // Text that cannot be written as such is written as its octets.
  const octets = list.map((name) => `CASE typeof(${name}) WHEN 'text' THEN CAST(${name} AS BLOB) END`)
  const rows = database
    .prepare(`SELECT ${[...list, ...octets].join(', ')} FROM ${quoteName(table)} NOT INDEXED`)
    .iterate()
  for (const row of rows) {
    const values = list.map((_, at) => literal(row[at] ?? null, row[list.length + at] ?? null))
    yield `INSERT INTO ${quoteName(table)}(${list.join(',')}) VALUES(${values.join(',')});\n`
  }
}

/** A value as SQL that gives exactly it. */
export function literal(value: SqlValue, octets: SqlValue): string {
  if (value === null) return 'NULL'
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return realLiteral(value)
  if (typeof value !== 'string') return `X'${toHex(value)}'`
  // The shell makes one sign of a carriage return and a line feed.
  if (!/[\0\r\uFFFD]/.test(value) || !(octets instanceof Uint8Array)) return quoteText(value)
  return `CAST(X'${toHex(octets)}' AS TEXT)`
}

function realLiteral(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '9.0e+999' : '-9.0e+999'
  const text = Object.is(value, -0) ? '-0' : String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}
