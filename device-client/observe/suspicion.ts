/**
 * What to look at when SQLite's schema cookie moved further than the visible differences explain. A column that
 * was dropped and added again leaves no trace in the text; VACUUM may have given rows new rowids. Rule DC-7.
 */

import { quoteName, quoteText } from '../../schemas/delta/toSql.ts'
import type { SqlDatabase } from '../ports.ts'
import type { TableShape } from './tableShape.ts'
import type { RegisteredTable } from './trackingState.ts'
import { logTableName } from './triggers.ts'

/**
 * True if the last registered column might have been dropped and added again. Then every row that did not change
 * since holds the default in it; one unchanged row with another value proves the contrary.
 */
export function lastColumnMayBeNew(database: SqlDatabase, registered: RegisteredTable, shape: TableShape): boolean {
  const last = registered.columns[registered.columns.length - 1]
  // SQLite refuses to drop a column of the primary key.
  if (last === undefined || last === shape.rowidColumn || shape.primaryKey.includes(last)) return false
  if (!shape.columns.includes(last)) return true
  const defaultText = database
    .prepare(`SELECT dflt_value FROM pragma_table_xinfo(${quoteText(shape.name)}) WHERE name=?`)
    .get(last)?.[0]
  const value = typeof defaultText === 'string' ? `(${defaultText})` : 'NULL'
  const table = quoteName(shape.name)
  const sql = `SELECT 1 FROM ${table} WHERE ${quoteName(last)} IS NOT ${value} AND NOT EXISTS(${noteOf(registered.id, shape)}) LIMIT 1`
  return database.prepare(sql).get() === undefined
}

/** True if a VACUUM that renumbers rows ran: our table without key and index shows it. */
export function sentinelMoved(database: SqlDatabase): boolean {
  const rows = database.prepare('SELECT rowid FROM _nightferry_sentinel ORDER BY rowid').all()
  return !(rows.length === 2 && rows[0]?.[0] === 1n && rows[1]?.[0] === 3n)
}

function noteOf(id: number, shape: TableShape): string {
  const table = quoteName(shape.name)
  if (!shape.withoutRowid) return `SELECT 1 FROM _nightferry_change WHERE tbl=${id} AND key=${table}.${shape.rowid}`
  const same = shape.primaryKey.map((column, i) => `k${i} IS ${table}.${quoteName(column)}`)
  return `SELECT 1 FROM ${quoteName(logTableName(id))} WHERE ${same.join(' AND ')}`
}
