/**
 * The SQL statements that the records of a Delta stand for. Values are always bound, names always quoted;
 * no text of a peer becomes SQL. Rule WF-10.
 */

import type { DeltaTable } from './delta.ts'
import { rowBeginsWithRowid } from './delta.ts'
import { type Cell, TextBytes } from './value.ts'

/** A name as an SQL identifier. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A text as an SQL literal. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/**
 * A name by which SQL reaches the rowid of a table with these columns, or undefined if they hide all three.
 */
export function rowidName(columns: readonly string[]): string | undefined {
  const taken = new Set(columns.map((column) => column.toLowerCase()))
  // The rarest first: applications do name columns rowid.
  return ['_rowid_', 'rowid', 'oid'].find((name) => !taken.has(name))
}

/** `INSERT` of one `put` row; `textBytes[i]` says that parameter i holds TEXT as octets. */
export function insertSql(table: DeltaTable, allColumns: readonly string[], textBytes: readonly boolean[]): string {
  const names = table.columns.map(quoteName)
  if (rowBeginsWithRowid(table)) names.unshift(rowidName(allColumns) ?? 'rowid')
  const values = names.map((_, i) => boundValue(textBytes[i]))
  return `INSERT INTO ${quoteName(table.name)}(${names.join(',')}) VALUES(${values.join(',')})`
}

/** `DELETE` of one touched key. */
export function deleteSql(table: DeltaTable, allColumns: readonly string[], textBytes: readonly boolean[]): string {
  return `DELETE FROM ${quoteName(table.name)} WHERE ${whereKey(table, allColumns, textBytes)}`
}

/** The condition that is true for the row of one touched key. IS, not =, because key columns can hold NULL. */
export function whereKey(table: DeltaTable, allColumns: readonly string[], textBytes: readonly boolean[]): string {
  if (table.key === 'none') throw new Error('rows without a key cannot be found one by one')
  const columns =
    table.key === 'rowid'
      ? [rowidName(allColumns) ?? quoteName(table.rowidColumn ?? 'rowid')]
      : table.key.map(quoteName)
  const terms = columns.map((column, i) =>
    table.key === 'rowid' ? `${column}=?` : `${column} IS ${boundValue(textBytes[i])} COLLATE BINARY`,
  )
  return terms.join(' AND ')
}

/** The place of a value that is bound. */
export function boundValue(isTextBytes: boolean | undefined): string {
  return isTextBytes ? 'CAST(? AS TEXT)' : '?'
}

/** What is bound for a cell. */
export function bindCell(cell: Cell): null | bigint | number | string | Uint8Array {
  return cell instanceof TextBytes ? cell.bytes : cell
}

/** Which cells are TEXT given as octets; they need their own statement. */
export function textBytesOf(cells: readonly Cell[]): boolean[] {
  return cells.map((cell) => cell instanceof TextBytes)
}
