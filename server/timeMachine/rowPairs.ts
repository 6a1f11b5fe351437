/**
 * The rows of a table in two states beside each other, as one SQL query: each key with what it holds in the older state
 * and in the newer one. Of two states that one copy remembers only the keys that were kept in between, so the cost
 * follows the change (TM-21); else all rows of both files (TM-22).
 */

import { quoteName } from '../backup/copyLayout.ts'
import { readShape } from '../backup/copyTables.ts'
import { keyNames, type PastTable, pastName } from '../backup/pastLayout.ts'
import type { SqlDatabase, SqlValue } from '../sql/sqlDatabase.ts'

/** A query with the columns `k0…` (key), `in_a`, `in_b`, `a0…` and `b0…`. */
export interface RowPairs {
  /** Names of the key's columns; `rowid` where no column holds it. */
  readonly keys: readonly string[]
  readonly columns: readonly string[]
  /** Columns that only one of the states has. */
  readonly onlyInA: ReadonlySet<string>
  readonly onlyInB: ReadonlySet<string>
  readonly sql: string
  readonly params: readonly SqlValue[]
}

const BOTH = { onlyInA: new Set<string>(), onlyInB: new Set<string>() }

/** Keys that `form` kept from the state `from` to the state `to`; `to` is undefined for where the copy stands. */
export function pairKept(copy: SqlDatabase, form: PastTable, from: number, to: number | undefined): RowPairs {
  const past = pastName(form.id)
  const kept = keyNames(form)
  const shape = readShape(copy, { schema: 'main', table: form.name })
  const rowid = shape.rowid ?? 'rowid'
  const own = typeof form.key === 'string' ? [rowid] : form.key.map(quoteName)
  const same = (a: string, b: string): string => kept.map((key) => `${a}.${key} IS ${b}.${key}`).join(' AND ')
  // The first comparison is the index's, in the column's own collation; the second is exact.
  const match = own.map((name, at) => `t.${name} = p.k${at} AND t.${name} IS p.k${at} COLLATE BINARY`).join(' AND ')
  const first = (range: string): string =>
    `(SELECT ${kept.join(', ')}, min(point) AS first FROM ${past} WHERE ${range} GROUP BY ${kept.join(', ')})`
  const isThere = `t.${own[0]} IS NOT NULL`
  const later =
    to === undefined
      ? ''
      : `LEFT JOIN ${first('point >= ?')} AS m ON ${same('m', 'n')}
    LEFT JOIN ${past} AS q ON q.point = m.first AND ${same('q', 'm')}`
  const value = (name: string, at: number): string =>
    to === undefined ? `t.${name} AS b${at}` : `CASE WHEN q.point IS NULL THEN t.${name} ELSE q.c${at} END AS b${at}`
  const list = [
    ...kept.map((key) => `p.${key} AS ${key}`),
    'p.gone = 0 AS in_a',
    `${to === undefined ? isThere : `CASE WHEN q.point IS NULL THEN ${isThere} ELSE q.gone = 0 END`} AS in_b`,
    ...form.columns.map((_, at) => `p.c${at} AS a${at}`),
    ...form.columns.map((name, at) => value(quoteName(name), at)),
  ]
  const sql = `SELECT ${list.join(', ')}
    FROM ${first(to === undefined ? 'point >= ?' : 'point >= ? AND point < ?')} AS n
    CROSS JOIN ${past} AS p ON p.point = n.first AND ${same('p', 'n')}
    ${later} LEFT JOIN main.${quoteName(form.name)} AS t ON ${match}`
  const params = to === undefined ? [BigInt(from)] : [BigInt(from), BigInt(to), BigInt(to)]
  return { keys: form.key === 'rowid' ? ['rowid'] : [...form.key], columns: form.columns, ...BOTH, sql, params }
}

/** Where a table of each state is: names of attached files, which hold it under the same name. */
export interface PairedFiles {
  readonly a: string
  readonly b: string
}

/**
 * All rows of a table that is in both files, or in one of them.
 * @returns undefined if its rows have no key to find each other by.
 */
export function pairAll(db: SqlDatabase, table: string, { a, b }: PairedFiles): RowPairs | undefined {
  const [before, after] = [keyOf(db, a, table), keyOf(db, b, table)]
  const [known, other] = before === undefined ? [after, undefined] : [before, after]
  if (known === undefined || known.keys.length === 0) return undefined
  if (other !== undefined && other.keys.join('\0') !== known.keys.join('\0')) return undefined
  const columns = [...new Set([...(before?.columns ?? []), ...(after?.columns ?? [])])]
  const own = known.names
  const rowsOf = (schema: string, key: typeof before, name: 'a' | 'b'): string => {
    if (key === undefined) return `(SELECT ${own.map((_, at) => `NULL AS k${at}`).join(', ')} WHERE 0) AS ${name}`
    return `${schema}.${quoteName(table)} AS ${name}`
  }
  const keyName = (key: typeof before, at: number): string => (key === undefined ? `k${at}` : (key.names[at] ?? ''))
  const value = (name: string, key: typeof before, side: 'a' | 'b'): string =>
    key?.columns.includes(name) ? `${side}.${quoteName(name)}` : 'NULL'
  const list = [
    ...own.map((_, at) => `coalesce(a.${keyName(before, at)}, b.${keyName(after, at)}) AS k${at}`),
    `a.${keyName(before, 0)} IS NOT NULL AS in_a`,
    `b.${keyName(after, 0)} IS NOT NULL AS in_b`,
    ...columns.map((name, at) => `${value(name, before, 'a')} AS a${at}`),
    ...columns.map((name, at) => `${value(name, after, 'b')} AS b${at}`),
  ]
  const match = own.map((_, at) => `a.${keyName(before, at)} = b.${keyName(after, at)}`).join(' AND ')
  const sql = `SELECT ${list.join(', ')} FROM ${rowsOf(a, before, 'a')} FULL JOIN ${rowsOf(b, after, 'b')} ON ${match}`
  const only = (held: typeof before, others: typeof before): ReadonlySet<string> =>
    new Set((held?.columns ?? []).filter((name) => !others?.columns.includes(name)))
  const halves = { onlyInA: only(before, after), onlyInB: only(after, before) }
  return { keys: known.keys, columns, ...halves, sql, params: [] }
}

interface TableKey {
  /** As shown. */
  readonly keys: readonly string[]
  /** As SQL. */
  readonly names: readonly string[]
  readonly columns: readonly string[]
}

/** Undefined if the table is not there. No keys: neither rowid nor primary key reaches a row. */
function keyOf(db: SqlDatabase, schema: string, table: string): TableKey | undefined {
  const { columns, rowid, alias } = readShape(db, { schema, table })
  if (columns.length === 0) return undefined
  const primary = db
    .prepare('SELECT name FROM pragma_table_xinfo(?, ?) WHERE pk > 0 ORDER BY pk')
    .all(table, schema)
    .map(([name]) => String(name))
  const [wr] = db.prepare('SELECT wr FROM pragma_table_list(?) WHERE schema = ?').get(table, schema) ?? []
  if (wr === 1n || (alias && rowid === undefined)) return { keys: primary, names: primary.map(quoteName), columns }
  if (rowid === undefined) return { keys: [], names: [], columns }
  return { keys: alias ? primary : ['rowid'], names: [rowid], columns }
}
