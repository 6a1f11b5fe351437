/**
 * How one table is read to be compared: by key, in the order of its key, the same on a device and in the server's
 * copy. What a key is follows from the definition alone, which both have. Rules WF-81, WF-83.
 */

import { boundValue, quoteName, rowidName } from '../delta/toSql.ts'

/** A value SQLite gives or takes: INTEGER is bigint, REAL is number. */
export type SqlCell = null | bigint | number | string | Uint8Array

/** The little of SQLite that comparing needs; the ports of both rooms fit. */
export interface ReadableSql {
  prepare(sql: string): {
    get(...params: readonly SqlCell[]): SqlCell[] | undefined
    all(...params: readonly SqlCell[]): SqlCell[][]
    iterate(...params: readonly SqlCell[]): Iterable<SqlCell[]>
  }
}

/** A column of the key as SQL names it, with the collation that orders it. */
interface KeyColumn {
  readonly sql: string
  readonly collation: string | undefined
}

export interface ComparedTable {
  /** As the device calls it. */
  readonly name: string
  /** What rows are read from, as SQL. */
  readonly source: string
  /** Undefined: rows have no key that both sides see, and the table is compared as a whole. */
  readonly key: readonly KeyColumn[] | undefined
  /** Columns that hold data, as SQL, in the order of the definition. */
  readonly columns: readonly string[]
}

/** One end of a range of keys binds as many values as a key has; `isText` says which of them are TEXT given as octets. */
export interface RangeEnds {
  readonly after: readonly boolean[] | undefined
  readonly upTo: readonly boolean[] | undefined
}

/** SQLite's expressions may not nest deeper than 1000; flags of wide tables are joined in groups. */
const FLAG_GROUP = 200

/** Name of the table in our queries: its columns may bear any name. */
const ROW = '_nightferry_row'

/**
 * Reads how the table `name` is compared; `held` is its name in this file if that is another (a copy holds SQLite's own
 * tables under names of ours). Undefined if it is not there.
 */
export function readComparedTable(db: ReadableSql, name: string, held = name): ComparedTable | undefined {
  const columns = db.prepare('SELECT name,hidden FROM pragma_table_xinfo(?) ORDER BY cid').all(held)
  if (columns.length === 0) return undefined
  const names = columns.map(([column]) => String(column))
  const data = columns.filter(([, hidden]) => hidden === 0n).map(([column]) => `${ROW}.${quoteName(String(column))}`)
  const system = name.toLowerCase().startsWith('sqlite_')
  // ANALYZE counts our tables too; they are not the application's.
  const own = name.toLowerCase().startsWith('sqlite_stat') ? " WHERE tbl NOT LIKE '!_nightferry!_%' ESCAPE '!'" : ''
  const source = own === '' ? quoteName(held) : `(SELECT * FROM ${quoteName(held)}${own})`
  return { name, source, key: system ? undefined : readKey(db, held, names), columns: data }
}

function readKey(db: ReadableSql, table: string, columns: readonly string[]): readonly KeyColumn[] | undefined {
  const [withoutRowid] = db.prepare("SELECT wr FROM pragma_table_list WHERE schema='main' AND name=?").get(table) ?? []
  if (withoutRowid !== 1n) {
    const rowid = rowidName(columns)
    return rowid === undefined ? undefined : [{ sql: `${ROW}.${rowid}`, collation: undefined }]
  }
  const terms = db
    .prepare(
      `SELECT x.name,x."desc",x.coll FROM pragma_index_list(?) AS i, pragma_index_xinfo(i.name) AS x
       WHERE i.origin='pk' AND x.key=1 ORDER BY x.seqno`,
    )
    .all(table)
  // A key that descends has an order of its own, which ranges of keys do not follow.
  if (terms.length === 0 || terms.some(([, descends]) => descends !== 0n)) return undefined
  return terms.map(([column, , collation]) => ({
    sql: `${ROW}.${quoteName(String(column))}`,
    collation: String(collation),
  }))
}

/** The statement that reads a range of rows, or all of a table without a key: flags (1 = TEXT), key, columns. */
export function selectRows(table: ComparedTable, ends: RangeEnds): string {
  const cells = [...(table.key ?? []).map(({ sql }) => sql), ...table.columns]
  const flags = cells.map((cell) => `(typeof(${cell})='text')`)
  const groups: string[] = []
  for (let i = 0; i < flags.length; i += FLAG_GROUP) groups.push(`(${flags.slice(i, i + FLAG_GROUP).join('||')})`)
  const values = cells.map((cell) => `CASE typeof(${cell}) WHEN 'text' THEN CAST(${cell} AS BLOB) ELSE ${cell} END`)
  const select = `SELECT (${groups.join('||') || "''"}),${values.join(',')} FROM ${table.source} AS ${ROW}`
  if (table.key === undefined) return select
  const { key } = table
  const ordered = key.map(({ sql, collation }) => (collation === undefined ? sql : `${sql} COLLATE "${collation}"`))
  const bound = (isText: readonly boolean[]): string => key.map((_, i) => boundValue(isText[i])).join(',')
  const conditions = [
    ...(ends.after ? [`(${ordered.join(',')})>(${bound(ends.after)})`] : []),
    ...(ends.upTo ? [`(${ordered.join(',')})<=(${bound(ends.upTo)})`] : []),
  ]
  // An index may have lost entries: the table itself answers.
  const plain = key.every(({ collation }) => collation === undefined) ? ' NOT INDEXED' : ''
  const where = conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : ''
  return `${select}${plain}${where} ORDER BY ${ordered.join(',')}`
}
