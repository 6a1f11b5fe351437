/**
 * What the device's SQLite says of one table: its key, its columns, its unique indexes, and whether triggers
 * can serve it. Rule DC-3.
 */

import { quoteName, quoteText, rowidName } from '../../schemas/delta/toSql.ts'
import type { SqlDatabase } from '../ports.ts'
import { type IndexTerms, readIndexTerms } from './indexTerms.ts'

/** How changes of a table become known. */
export type TrackingMode =
  /** Triggers note the key of each changed row. */
  | 'triggers'
  /** Each row's digest is compared with the stored picture. */
  | 'compare'
  /** The table has no usable key: it is sent whole when its digest changed. */
  | 'whole'

export interface TableShape {
  readonly name: string
  readonly withoutRowid: boolean
  /** A name by which SQL reaches the rowid; undefined for WITHOUT ROWID and where columns hide all of them. */
  readonly rowid: string | undefined
  /** The INTEGER PRIMARY KEY column. */
  readonly rowidColumn: string | undefined
  /** Primary key columns of a WITHOUT ROWID table, in key order. */
  readonly primaryKey: readonly string[]
  /** Columns that hold data: all but generated ones. */
  readonly columns: readonly string[]
  /** All columns, generated ones too, in the order of the definition. */
  readonly allColumns: readonly string[]
  readonly uniqueIndexes: readonly UniqueIndex[]
  readonly mode: TrackingMode
}

/** One index whose conflicts REPLACE resolves by deleting rows. */
export interface UniqueIndex {
  readonly name: string
  readonly terms: IndexTerms
}

interface Column {
  readonly name: string
  readonly type: string
  readonly pk: number
  readonly hidden: number
}

/** Reads the shape of a table; `shadow` is what SQLite says of it. */
export function readTableShape(database: SqlDatabase, name: string, kind: 'table' | 'shadow'): TableShape {
  const columns = readColumns(database, name)
  const indexes = database
    .prepare(`SELECT name,"unique",origin,partial FROM pragma_index_list(${quoteText(name)})`)
    .all()
  const withoutRowid = isWithoutRowid(database, name)
  const allColumns = columns.map((column) => column.name)
  const pkColumns = columns.filter((column) => column.pk > 0).sort((a, b) => a.pk - b.pk)
  const rowidColumn = withoutRowid ? undefined : findRowidColumn(pkColumns, indexes)
  // The column's own name, where there is one: a later column named rowid would take the other from our triggers.
  const rowid = withoutRowid ? undefined : rowidColumn === undefined ? rowidName(allColumns) : quoteName(rowidColumn)
  const shape = {
    name,
    withoutRowid,
    rowid,
    rowidColumn,
    primaryKey: withoutRowid ? pkColumns.map((column) => column.name) : [],
    columns: columns.filter((column) => column.hidden === 0).map((column) => column.name),
    allColumns,
  }
  const uniqueNames = indexes
    .filter((row) => row[1] === 1n && !(withoutRowid && row[2] === 'pk'))
    .map((row) => String(row[0]))
  const unique = uniqueNames.map((index) => ({ name: index, terms: readIndexTerms(database, index) }))
  const uniqueIndexes = unique.filter((index): index is UniqueIndex => index.terms !== undefined)
  return {
    ...shape,
    uniqueIndexes,
    mode: chooseMode(shape, kind, indexes.length, unique.length === uniqueIndexes.length),
  }
}

function chooseMode(
  shape: Pick<TableShape, 'name' | 'withoutRowid' | 'rowid' | 'rowidColumn'>,
  kind: 'table' | 'shadow',
  indexCount: number,
  allUniqueUnderstood: boolean,
): TrackingMode {
  if (shape.name.toLowerCase().startsWith('sqlite_')) return 'whole'
  if (!shape.withoutRowid && shape.rowid === undefined) return 'whole'
  if (kind === 'shadow' || !allUniqueUnderstood) return 'compare'
  if (shape.withoutRowid || shape.rowidColumn !== undefined) return 'triggers'
  // VACUUM renumbers rowids of tables that have no index at all.
  return indexCount > 0 ? 'triggers' : 'compare'
}

function readColumns(database: SqlDatabase, table: string): Column[] {
  const rows = database
    .prepare(`SELECT name,type,pk,hidden FROM pragma_table_xinfo(${quoteText(table)}) ORDER BY cid`)
    .all()
  return rows.map((row) => ({ name: String(row[0]), type: String(row[1]), pk: Number(row[2]), hidden: Number(row[3]) }))
}

function isWithoutRowid(database: SqlDatabase, table: string): boolean {
  const row = database
    .prepare(`SELECT wr FROM pragma_table_list WHERE schema='main' AND name=${quoteText(table)}`)
    .get()
  return row?.[0] === 1n
}

/**
 * The column that is the rowid: a single primary key column of type INTEGER without an index of its own
 * (`INTEGER PRIMARY KEY DESC` has one, and is not the rowid).
 */
function findRowidColumn(pkColumns: readonly Column[], indexes: readonly (readonly unknown[])[]): string | undefined {
  const [only, ...rest] = pkColumns
  if (!only || rest.length > 0 || only.type.toUpperCase() !== 'INTEGER') return undefined
  return indexes.some((row) => row[2] === 'pk') ? undefined : only.name
}
