/** Counts and shows rows that differ between two states. Values of the device never leave as more than short texts. */

import type { RowChange, TableChange } from '../../schemas/http/diff.ts'
import { MAX_DIFF_COLUMNS, MAX_SHOWN_BYTES } from '../../schemas/limits.ts'
import { quoteName } from '../backup/copyLayout.ts'
import { readShape } from '../backup/copyTables.ts'
import type { SqlDatabase } from '../sql/sqlDatabase.ts'
import type { PairedFiles, RowPairs } from './rowPairs.ts'

type Counts = Pick<TableChange, 'added' | 'changed' | 'removed'>

/** True if a value is not the same, storage class and octets and all. */
const differs = (at: number): string => `(typeof(a${at}) <> typeof(b${at}) OR a${at} IS NOT b${at} COLLATE BINARY)`

const isOther = (columns: readonly string[]): string => columns.map((_, at) => differs(at)).join(' OR ') || '0'

/** How many keys came, hold another row, or went. */
export function countPairs(db: SqlDatabase, { sql, params, columns }: RowPairs): Counts {
  const counted = ['in_b AND NOT in_a', `in_a AND in_b AND (${isOther(columns)})`, 'in_a AND NOT in_b']
  const row = db.prepare(`SELECT ${counted.map((kind) => `total(${kind})`).join(', ')} FROM (${sql})`).get(...params)
  const [added = 0, changed = 0, removed = 0] = (row ?? []).map(Number)
  return { added, changed, removed }
}

/** The first `limit` of them by key; with `values` what differs. */
export function listPairs(
  db: SqlDatabase,
  { sql, params, keys, columns, onlyInA, onlyInB }: RowPairs,
  { limit, values }: { readonly limit: number; readonly values: boolean },
): RowChange[] {
  const shown = columns.map(
    (_, at) => `CASE WHEN in_a <> in_b OR ${differs(at)} THEN json_array(${show(`a${at}`)}, ${show(`b${at}`)}) END`,
  )
  const list = ['in_a', 'in_b', ...keys.map((_, at) => show(`k${at}`)), ...(values ? shown : [])]
  const order = keys.map((_, at) => `k${at}`).join(', ')
  const rows = db
    .prepare(
      `SELECT ${list.join(', ')} FROM (${sql}) WHERE in_a <> in_b OR (in_a AND (${isOther(columns)})) ORDER BY ${order} LIMIT ?`,
    )
    .all(...params, BigInt(limit))
  return rows.map(([inA, inB, ...cells]) => {
    const change = inA === 0n ? 'added' : inB === 0n ? 'removed' : 'changed'
    const key = Object.fromEntries(keys.map((name, at) => [name, String(cells[at])]))
    if (!values) return { change, key }
    const both = columns.flatMap((name, at) => {
      const text = cells[keys.length + at]
      if ((change === 'removed' && onlyInB.has(name)) || (change === 'added' && onlyInA.has(name))) return []
      return typeof text === 'string' ? [[name, ...(JSON.parse(text) as [string, string])] as const] : []
    })
    return {
      ...{ change, key },
      ...(change !== 'added' && { was: Object.fromEntries(both.map(([name, was]) => [name, was])) }),
      ...(change !== 'removed' && { is: Object.fromEntries(both.map(([name, , is]) => [name, is])) }),
    }
  })
}

/** SQL of a value as a literal, short enough to be shown. */
function show(value: string): string {
  const long = `typeof(${value}) IN ('text', 'blob') AND octet_length(${value}) > ${MAX_SHOWN_BYTES}`
  const cut = `quote(substr(${value}, 1, ${MAX_SHOWN_BYTES})) || '… (' || octet_length(${value}) || ' octets)'`
  return `CASE WHEN ${long} THEN ${cut} ELSE quote(${value}) END`
}

/** Rows without a key, or with another than before: those that only one of the states has, counted. */
export function countUnkeyed(db: SqlDatabase, table: string, { a, b }: PairedFiles): Counts {
  const [before, after] = [columnsOf(db, a, table), columnsOf(db, b, table)]
  const columns = [...new Set([...before, ...after])]
  const rows = (schema: string, held: readonly string[], sign: number): string[] => {
    if (held.length === 0) return []
    const values = columns.map((name, at) => `${held.includes(name) ? quoteName(name) : 'NULL'} AS c${at}`)
    return [`SELECT ${sign} AS sign, ${values.join(', ')} FROM ${schema}.${quoteName(table)}`]
  }
  const all = [...rows(a, before, -1), ...rows(b, after, 1)].join(' UNION ALL ')
  const groups = columns.map((_, at) => `typeof(c${at}), c${at} COLLATE BINARY`).join(', ')
  const row = db
    .prepare(`SELECT total(max(n, 0)), total(max(-n, 0)) FROM (SELECT sum(sign) AS n FROM (${all}) GROUP BY ${groups})`)
    .get()
  const [added = 0, removed = 0] = (row ?? []).map(Number)
  return { added, changed: 0, removed }
}

function columnsOf(db: SqlDatabase, schema: string, table: string): readonly string[] {
  return readShape(db, { schema, table }).columns
}

/** True if a statement can hold its columns often enough. */
export function isComparable({ columns }: Pick<RowPairs, 'columns'>): boolean {
  return columns.length <= MAX_DIFF_COLUMNS
}
