/**
 * A Delta as values: head, schema, tables, end. A Delta states final values: these keys now hold these rows,
 * those keys are gone. Rules WF-10 to WF-14.
 */

import type { Position } from '../syncml/position.ts'
import type { Cell } from './value.ts'

export type TextEncoding = 'UTF-8' | 'UTF-16le' | 'UTF-16be'

/** What a database file says of itself in its header, beside its objects and rows. */
export interface DatabaseProperties {
  readonly pageSize: number
  readonly encoding: TextEncoding
  readonly autoVacuum: 0 | 1 | 2
  readonly userVersion: number
  readonly applicationId: number
  readonly journalMode: 'wal' | 'delete'
}

export interface DeltaHead {
  readonly lineage: string
  /** From the last acknowledged position to the one this Delta ends at (BK-3). */
  readonly positions: readonly Position[]
  readonly database: DatabaseProperties
}

/** One row of the device's `sqlite_schema`. */
export interface SchemaObject {
  readonly type: 'table' | 'index' | 'view' | 'trigger'
  readonly name: string
  readonly tableName: string
  /** Null for the indexes that SQLite makes by itself. */
  readonly sql: string | null
}

/** A schema object in a Delta. Tables say what became of their rows. */
export interface SchemaEntry extends SchemaObject {
  /** `keep`: storage unchanged, the text may differ by appended columns or a new name. `replace`: made anew. */
  readonly rows?: 'keep' | 'replace'
  /** The name under which the server knows the table whose rows are kept, if it differs. */
  readonly was?: string
}

/** What identifies a row: the rowid, the columns of the primary key, or nothing (the table is written whole). */
export type RowKey = 'rowid' | 'none' | readonly string[]

export interface DeltaTable {
  readonly name: string
  readonly key: RowKey
  /** The INTEGER PRIMARY KEY, which is the rowid under another name and stands among the columns. */
  readonly rowidColumn?: string
  /** Columns of each `put` row, without generated ones; behind the rowid if the key is `rowid` and has no column. */
  readonly columns: readonly string[]
  /** All rows leave before the first enters. */
  readonly clear: boolean
}

export interface DeltaCounts {
  readonly puts: number
  readonly deletes: number
  readonly schemaChanges: number
}

/** What a reader reports, in the order of the document. */
export type DeltaEvent =
  | { readonly kind: 'head'; readonly head: DeltaHead }
  | { readonly kind: 'schema'; readonly objects: readonly SchemaEntry[] }
  | { readonly kind: 'table'; readonly table: DeltaTable }
  /** The key's values: one for `rowid`, else one per key column. */
  | { readonly kind: 'touched'; readonly key: readonly Cell[] }
  | { readonly kind: 'put'; readonly row: readonly Cell[] }
  | { readonly kind: 'end'; readonly counts: DeltaCounts }

/** True if `put` rows of this table begin with the rowid. */
export function rowBeginsWithRowid(table: DeltaTable): boolean {
  return table.key === 'rowid' && table.rowidColumn === undefined
}

/** How many cells a `put` row of this table has. */
export function rowWidth(table: DeltaTable): number {
  return table.columns.length + (rowBeginsWithRowid(table) ? 1 : 0)
}

/** How many cells a key of this table has; 0 if rows have no key. */
export function keyWidth(table: DeltaTable): number {
  if (table.key === 'rowid') return 1
  return table.key === 'none' ? 0 : table.key.length
}
