/**
 * Writes the rows of one table of a Delta into a copy. Before the first row the table's head is held against what
 * the copy has: a Delta cannot write anything but rows of declared tables. Rules BK-5, BK-12, WF-12.
 */

import { type DeltaTable, rowBeginsWithRowid } from '../../schemas/delta/delta.ts'
import { bindCell, deleteSql, insertSql, quoteText, rowidName, textBytesOf } from '../../schemas/delta/toSql.ts'
import type { Cell } from '../../schemas/delta/value.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { SqlDatabase, SqlValue } from '../sql/sqlDatabase.ts'
import { systemColumns } from './checkObjects.ts'
import {
  createSystemTable,
  isReservedName,
  isSystemName,
  quoteName,
  readObjects,
  systemTableName,
} from './copyLayout.ts'
import type { PastKeeper, PastRows } from './keepPast.ts'
import { StatementsByMask } from './statementsByMask.ts'

/** A table smaller than this may lose any number of rows without notice (design: guard). */
const GUARDED_ROWS = 100

export interface TableWriter {
  readonly name: string
  /** Removes a key; no error if it is not there. */
  remove(key: readonly Cell[]): void
  /** @throws an SQLite constraint error if the row meets another one that was not touched. */
  insert(row: readonly Cell[]): void
  /** Rows that are gone for good, if that is more than half of a table of over 100 rows; else undefined. */
  emptied(): number | undefined
}

/** Opens a table for the rows that follow; clears it if the Delta says so. What changes is handed to `past` before. */
export function openTable(copy: SqlDatabase, table: DeltaTable, past?: PastKeeper): TableWriter {
  const target = isSystemName(table.name) ? systemTarget(copy, table, past) : userTarget(copy, table, past)
  let gone = 0
  if (table.clear) {
    target.past?.keepAll()
    gone = copy.prepare(`DELETE FROM ${quoteName(target.table.name)}`).run()
  }
  const removals = new StatementsByMask((mask) => copy.prepare(deleteSql(target.table, target.allColumns, mask)))
  const insertions = new StatementsByMask((mask) => copy.prepare(insertSql(target.table, target.allColumns, mask)))
  return {
    name: table.name,
    remove: (key) => {
      target.past?.keep(key)
      gone += removals.for(textBytesOf(key)).run(...key.map(bindCell))
    },
    insert: (row) => {
      // Of a table that was cleared everything is kept.
      if (!table.clear) target.past?.enters(row)
      gone -= insertions.for(textBytesOf(row)).run(...row.map(bindCell))
    },
    emptied: () => {
      if (gone <= GUARDED_ROWS / 2) return undefined
      // Counts no further than it takes to decide, so that the cost follows the change.
      const left = copy
        .prepare(`SELECT count(*) FROM (SELECT 1 FROM ${quoteName(target.table.name)} LIMIT ${gone + 1})`)
        .get()
      const remaining = Number(left?.[0] ?? 0)
      return remaining < gone && remaining + gone > GUARDED_ROWS ? gone : undefined
    },
  }
}

interface Target {
  readonly table: DeltaTable
  readonly allColumns: readonly string[]
  /** SQLite's own tables were kept already. */
  readonly past?: PastRows
}

/** Rows of SQLite's own tables are kept in ordinary ones (BK-5). */
function systemTarget(copy: SqlDatabase, table: DeltaTable, past: PastKeeper | undefined): Target {
  const declared = readObjects(copy).some((object) => object.type === 'table' && object.name === table.name)
  if (!declared || table.key !== 'none') throw new CodedError('delta.conflict', `table ${table.name} is not declared`)
  if (!sameList(table.columns, systemColumns(table.name) ?? []))
    throw new CodedError('delta.conflict', `table ${table.name} has other columns`)
  const name = systemTableName(table.name)
  past?.systemTable(table.name)
  copy.exec(`DROP TABLE IF EXISTS ${quoteName(name)}`)
  createSystemTable(copy, table.name, table.columns)
  return { table: { ...table, name }, allColumns: table.columns }
}

function userTarget(copy: SqlDatabase, table: DeltaTable, past: PastKeeper | undefined): Target {
  const { columns, withoutRowid } = readTarget(copy, table.name)
  const allColumns = columns.map((column) => column.name)
  const held = columns.filter((column) => column.hidden === 0n).map((column) => column.name)
  const key = columns.filter((column) => column.pk !== 0n).sort((a, b) => Number(a.pk) - Number(b.pk))
  const keyFits = withoutRowid
    ? sameList(
        table.key,
        key.map((column) => column.name),
      )
    : table.key === 'none' || (table.key === 'rowid' && rowidFits(copy, table, key, allColumns))
  if (!sameList(table.columns, held) || !keyFits) {
    throw new CodedError('delta.conflict', `table ${table.name} has other columns in the copy`)
  }
  return { table, allColumns, ...(past && { past: past.table(table, allColumns) }) }
}

interface Column {
  readonly name: string
  readonly type: string
  /** Place in the primary key, from 1; 0 if it is no part of it. */
  readonly pk: SqlValue
  /** 0 for an ordinary column; generated ones are given another number. */
  readonly hidden: SqlValue
}

/** @throws {CodedError} `delta.conflict` if the copy has no such table. */
function readTarget(copy: SqlDatabase, name: string): { columns: readonly Column[]; withoutRowid: boolean } {
  // Pragmas as such: as functions of SQL they cost several times as much to prepare.
  const rows = isReservedName(name) ? [] : copy.prepare(`PRAGMA main.table_xinfo(${quoteText(name)})`).all()
  if (rows.length === 0) throw new CodedError('delta.conflict', `table ${name} is not in the copy`)
  const columns = rows.map(([, column, type, , , pk = 0n, hidden = 0n]) => ({
    name: String(column),
    type: String(type),
    pk,
    hidden,
  }))
  const [, , , , withoutRowid] = copy.prepare(`PRAGMA main.table_list(${quoteText(name)})`).get() ?? []
  return { columns, withoutRowid: withoutRowid === 1n }
}

function rowidFits(
  copy: SqlDatabase,
  table: DeltaTable,
  key: readonly Column[],
  allColumns: readonly string[],
): boolean {
  if (rowBeginsWithRowid(table)) return rowidName(allColumns) !== undefined
  const [only, ...rest] = key
  if (!only || rest.length > 0 || only.name !== table.rowidColumn || only.type.toUpperCase() !== 'INTEGER') return false
  const indexes = copy.prepare(`PRAGMA main.index_list(${quoteText(table.name)})`).all()
  return indexes.every(([, , , origin]) => origin !== 'pk')
}

function sameList(a: unknown, b: readonly string[]): boolean {
  return Array.isArray(a) && a.length === b.length && a.every((value, i) => value === b[i])
}
