/**
 * Brings rows of a table back into a living database, out of a file of an older state: as ordinary changes, which the
 * observers note, in one transaction, and only those rows that differ. Rules DC-91 to DC-93.
 */

import { quoteName, quoteText } from '../../schemas/delta/toSql.ts'
import { CodedError } from '../../schemas/errors.ts'
import { readTableShape, type TableShape } from '../observe/tableShape.ts'
import type { SqlDatabase, SqlValue } from '../ports.ts'

/** A column and the value it must have. */
export interface RowCondition {
  readonly column: string
  readonly value: string
}

export interface RowsWanted {
  readonly table: string
  /** All of them must hold; none: all rows. */
  readonly where: readonly RowCondition[]
  /** Rows that are here now and were not then go. */
  readonly exact: boolean
  /** Counts, and changes nothing. */
  readonly dryRun: boolean
}

export interface RowCounts {
  readonly inserted: number
  readonly updated: number
  readonly deleted: number
  readonly unchanged: number
}

/**
 * @param pastPath a plain file of the older state.
 * @throws {CodedError} `restore.mismatch` if the table is not here, or has another form than then, or its rows meet
 *   others; `database.locked`. The database is as it was.
 */
export function bringRowsBack(database: SqlDatabase, pastPath: string, wanted: RowsWanted): RowCounts {
  database.exec(`ATTACH ${quoteText(pastPath)} AS nightferry_past`)
  try {
    database.exec('BEGIN IMMEDIATE')
    try {
      const work = plan(database, wanted)
      const counts = count(database, work)
      const done = wanted.dryRun ? counts : { ...counts, ...change(database, work, wanted) }
      database.exec(wanted.dryRun ? 'ROLLBACK' : 'COMMIT')
      return done
    } catch (cause) {
      database.exec('ROLLBACK')
      throw cause
    }
  } finally {
    database.exec('DETACH nightferry_past')
  }
}

/** Pieces of SQL about rows `m` of now and `p` of then. */
interface Work {
  readonly table: string
  readonly past: string
  /** What finds a row again, as SQL names. */
  readonly key: readonly string[]
  readonly columns: readonly string[]
  readonly same: string
  readonly differs: string
  /** Of a row of this name. */
  condition(row: 'm' | 'p'): string
  readonly values: readonly SqlValue[]
  readonly exact: boolean
}

function plan(database: SqlDatabase, { table, where, exact }: RowsWanted): Work {
  const shape = readForm(database, table)
  const key = keyOf(database, shape)
  const columns = shape.columns.map(quoteName)
  for (const { column } of where)
    if (!shape.columns.includes(column))
      throw new CodedError('restore.mismatch', `table ${table} has no column ${column}`, {
        next: `Its columns are ${shape.columns.slice(0, 50).join(', ')}.`,
      })
  const differ = (name: string): string =>
    `(typeof(m.${name}) <> typeof(p.${name}) OR m.${name} IS NOT p.${name} COLLATE BINARY)`
  return {
    table: quoteName(table),
    past: `nightferry_past.${quoteName(table)}`,
    ...{ key, columns, exact },
    same: key.map((name) => `m.${name} = p.${name}`).join(' AND '),
    differs: columns.map(differ).join(' OR '),
    // A number on the command line is a text here: both are tried.
    condition: (row) => ['1', ...where.map(({ column }) => `${row}.${quoteName(column)} IN (?, ?)`)].join(' AND '),
    values: where.flatMap(({ value }) => [value, numberOf(value)]),
  }
}

/** The table as it is in both. @throws {CodedError} `restore.mismatch`. */
function readForm(database: SqlDatabase, table: string): TableShape {
  const look = (schema: string): string | undefined => {
    const row = database
      .prepare(`SELECT type FROM ${schema}.sqlite_schema WHERE name = ? AND sql NOT LIKE 'CREATE VIRTUAL%'`)
      .get(table)
    if (row?.[0] !== 'table') return undefined
    const columns = database
      .prepare(`SELECT name, hidden, pk FROM pragma_table_xinfo(?, ?) ORDER BY cid`)
      .all(table, schema)
    const kind = database.prepare('SELECT type, wr FROM pragma_table_list(?) WHERE schema = ?').get(table, schema)
    return kind?.[0] === 'table' ? [...columns, kind].flat().join('\0') : undefined
  }
  const next = 'Restore the whole state to another file with --to, and take the rows from there.'
  if (/^(sqlite_|_nightferry_)/i.test(table))
    throw new CodedError('restore.mismatch', `table ${table} is not one of the application`, { next })
  const [now, then] = [look('main'), look('nightferry_past')]
  if (now === undefined || then === undefined) {
    const where = now === undefined ? 'here' : 'at that point'
    throw new CodedError('restore.mismatch', `there is no ordinary table ${table} ${where}`, { next })
  }
  if (now !== then) throw new CodedError('restore.mismatch', `table ${table} had other columns then`, { next })
  return readTableShape(database, table, 'table')
}

/** The primary key; where there is none, the rowid. @throws {CodedError} `restore.mismatch` if neither finds a row. */
function keyOf(database: SqlDatabase, { name, rowid, rowidColumn, withoutRowid, primaryKey }: TableShape): string[] {
  if (rowidColumn !== undefined) return [quoteName(rowidColumn)]
  const declared = withoutRowid
    ? primaryKey
    : database
        .prepare('SELECT name FROM pragma_table_xinfo(?) WHERE pk > 0 ORDER BY pk')
        .all(name)
        .map(([column]) => String(column))
  if (declared.length === 0 && rowid !== undefined) return [rowid]
  const key = declared.map(quoteName)
  const hasNull = (schema: string): boolean =>
    database
      .prepare(
        `SELECT 1 FROM ${schema}.${quoteName(name)} WHERE ${key.map((column) => `${column} IS NULL`).join(' OR ')}`,
      )
      .get() !== undefined
  if (key.length > 0 && (withoutRowid || (!hasNull('main') && !hasNull('nightferry_past')))) return key
  throw new CodedError('restore.mismatch', `rows of table ${name} have no key to find them by`, {
    next: 'Restore the whole state to another file with --to, and take the rows from there.',
  })
}

function numberOf(text: string): SqlValue {
  if (/^-?\d{1,18}$/.test(text)) return BigInt(text)
  return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : text
}

function count(database: SqlDatabase, { table, past, same, differs, condition, values, exact }: Work): RowCounts {
  const one = (sql: string): number => Number(database.prepare(sql).get(...values)?.[0] ?? 0)
  const total = one(`SELECT count(*) FROM ${past} AS p WHERE ${condition('p')}`)
  const both = (and: string): number =>
    one(`SELECT count(*) FROM ${past} AS p JOIN main.${table} AS m ON ${same} WHERE ${condition('p')} AND (${and})`)
  const [met, updated] = [both('1'), both(differs)]
  const deleted = exact
    ? one(`SELECT count(*) FROM main.${table} AS m WHERE ${condition('m')} AND ${absent('p', past, same)}`)
    : 0
  return { inserted: total - met, updated, deleted, unchanged: met - updated }
}

const absent = (row: 'm' | 'p', table: string, same: string): string =>
  `NOT EXISTS (SELECT 1 FROM ${table} AS ${row} WHERE ${same})`

/** Rows go, then change, then come. Where changed ones trade unique values with each other they go and come, too. */
function change(
  database: SqlDatabase,
  work: Work,
  { table }: RowsWanted,
): Pick<RowCounts, 'inserted' | 'updated' | 'deleted'> {
  const { past, same, differs, condition, columns, key, values, exact } = work
  const run = (sql: string): number => {
    database.prepare(sql).run(...values)
    return Number(database.prepare('SELECT changes()').get()?.[0] ?? 0)
  }
  const name = work.table
  const list = [...new Set([...key, ...columns])]
  const there = `FROM ${past} AS p WHERE ${condition('p')}`
  const rows = `SELECT ${list.map((column) => `p.${column}`).join(', ')} ${there}`
  const insert = (): number =>
    run(`INSERT INTO main.${name}(${list.join(', ')}) ${rows} AND ${absent('m', `main.${name}`, same)}`)
  try {
    const deleted = exact
      ? run(`DELETE FROM main.${name} AS m WHERE ${condition('m')} AND ${absent('p', past, same)}`)
      : 0
    database.exec('SAVEPOINT nightferry_rows')
    let updated: number
    try {
      const set = columns.map((column) => `${column} = p.${column}`).join(', ')
      updated = run(`UPDATE main.${name} AS m SET ${set} ${there} AND ${same} AND (${differs})`)
      database.exec('RELEASE nightferry_rows')
    } catch (cause) {
      if (!isConstraint(cause)) throw cause
      database.exec('ROLLBACK TO nightferry_rows; RELEASE nightferry_rows')
      updated = run(`DELETE FROM main.${name} AS m WHERE EXISTS (SELECT 1 ${there} AND ${same} AND (${differs}))`)
      return { inserted: insert() - updated, updated, deleted }
    }
    return { inserted: insert(), updated, deleted }
  } catch (cause) {
    if (cause instanceof CodedError) throw cause
    throw new CodedError(
      'restore.mismatch',
      `rows of ${table} cannot come back: ${cause instanceof Error ? cause.message : cause}`,
      {
        cause,
        next: 'Name more rows, or restore the whole state to another file with --to.',
      },
    )
  }
}

function isConstraint(cause: unknown): boolean {
  return cause instanceof Error && /constraint/i.test(cause.message)
}
