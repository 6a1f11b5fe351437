/**
 * Reads rows of a device's database cell by cell without loss: storage classes stay, and TEXT is read as octets
 * so that ill-formed text and NUL survive. Rule WF-12.
 */

import type { DeltaTable, TextEncoding } from '../../schemas/delta/delta.ts'
import { quoteName } from '../../schemas/delta/toSql.ts'
import { type Cell, TextBytes } from '../../schemas/delta/value.ts'
import { decodeUtf8, decodeUtf16 } from '../../schemas/utf8.ts'
import type { SqlValue } from '../ports.ts'
import type { TableShape } from './tableShape.ts'

/** SQLite's expressions may not nest deeper than 1000; flags of wide tables are joined in groups. */
const FLAG_GROUP = 200

/** Turns what a row query returns into cells. */
export interface RowReader {
  /** SELECT list: a text of flags (1 = TEXT), then one expression per cell. */
  readonly selectList: string
  /** Cells of a row that begins at `offset` in what the query returned. */
  read(row: readonly SqlValue[], offset?: number): Cell[]
}

/** How a table is written into a Delta. */
export function deltaTableOf(shape: TableShape, clear: boolean, keyless: boolean): DeltaTable {
  const base = { name: shape.name, columns: shape.columns, clear }
  if (keyless) return { ...base, key: 'none', clear: true }
  if (shape.withoutRowid) return { ...base, key: shape.primaryKey }
  return shape.rowidColumn === undefined
    ? { ...base, key: 'rowid' }
    : { ...base, key: 'rowid', rowidColumn: shape.rowidColumn }
}

/** Name of the user's table in our queries: its columns may bear any name. */
export const ROW = '_nightferry_row'

/** Expressions of a row's key. */
export function keyExpressions(shape: TableShape): string[] {
  const names = shape.withoutRowid ? shape.primaryKey.map(quoteName) : [shape.rowid ?? 'rowid']
  return names.map((name) => `${ROW}.${name}`)
}

/** Reader for these SQL expressions; columns must be given as SQL text. */
export function rowReader(expressions: readonly string[], encoding: TextEncoding): RowReader {
  const flags = expressions.map((expression) => `(typeof(${expression})='text')`)
  const groups: string[] = []
  for (let i = 0; i < flags.length; i += FLAG_GROUP) groups.push(`(${flags.slice(i, i + FLAG_GROUP).join('||')})`)
  const cells = expressions.map(
    (expression) => `CASE typeof(${expression}) WHEN 'text' THEN CAST(${expression} AS BLOB) ELSE ${expression} END`,
  )
  const decoder = textDecoder(encoding)
  return {
    selectList: [`(${groups.join('||') || "''"})`, ...cells].join(','),
    read: (row, offset = 0) => {
      const flagText = row[offset]
      const isText = typeof flagText === 'bigint' ? flagText.toString() : String(flagText ?? '')
      return expressions.map((_, i) => readCell(row[offset + 1 + i] ?? null, isText.charAt(i) === '1', decoder))
    },
  }
}

/** Expressions of a `put` row: the rowid in front where it stands for itself. */
export function putExpressions(shape: TableShape, keyless: boolean): string[] {
  const columns = shape.columns.map((column) => `${ROW}.${quoteName(column)}`)
  const rowidInFront = !keyless && !shape.withoutRowid && shape.rowidColumn === undefined
  return rowidInFront ? [`${ROW}.${shape.rowid ?? 'rowid'}`, ...columns] : columns
}

function readCell(value: SqlValue, isText: boolean, decode: (bytes: Uint8Array) => string | undefined): Cell {
  if (!isText) return value
  const bytes = value instanceof Uint8Array ? value : new Uint8Array(0)
  return decode(bytes) ?? new TextBytes(bytes)
}

function textDecoder(encoding: TextEncoding): (bytes: Uint8Array) => string | undefined {
  return encoding === 'UTF-8' ? decodeUtf8 : (bytes) => decodeUtf16(bytes, encoding)
}
