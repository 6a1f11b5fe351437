/**
 * A table as CSV after RFC 4180 (DC-96): a line of names, then the rows. Text always stands in quotes, so that it differs
 * from a number, and an empty one from NULL, which is nothing; octets stand as X'…' in hex.
 */

import { quoteName } from '../../schemas/delta/toSql.ts'
import { toHex } from '../../schemas/hex.ts'
import type { SqlDatabase, SqlValue } from '../ports.ts'

/** Ordinary tables of a database, in the order of its schema. */
export function listTables(database: SqlDatabase): readonly string[] {
  return database
    .prepare(
      `SELECT s.name FROM sqlite_schema AS s JOIN pragma_table_list AS l ON l.schema = 'main' AND l.name = s.name
       WHERE l.type = 'table' AND s.name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY s.rowid`,
    )
    .all()
    .map(([name]) => String(name))
}

/** The text, line by line. */
export function* csvOf(database: SqlDatabase, table: string): Generator<string> {
  const names = database
    .prepare('SELECT name FROM pragma_table_xinfo(?) WHERE hidden <> 1 ORDER BY cid')
    .all(table)
    .map(([name]) => String(name))
  yield lineOf(names.map(quoted))
  const rows = database.prepare(`SELECT ${names.map(quoteName).join(', ')} FROM ${quoteName(table)}`).iterate()
  for (const row of rows) yield lineOf(row.map(field))
}

/** Name of a table's file: signs that a file system may not take stand as %XX. */
export function csvFileName(table: string): string {
  const name = table.replaceAll(
    /[%/\\:*?"<>|\p{Cc}]|^\.|[. ]$/gu,
    (sign) => `%${toHex(Buffer.from(sign)).toUpperCase()}`,
  )
  return `${name}.csv`
}

const lineOf = (fields: readonly string[]): string => `${fields.join(',')}\r\n`

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`

function field(value: SqlValue): string {
  if (value === null) return ''
  if (typeof value === 'string') return quoted(value)
  return value instanceof Uint8Array ? `X'${toHex(value).toUpperCase()}'` : String(value)
}
