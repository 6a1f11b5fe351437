/**
 * Keeps what a Delta is about to change, inside the copy and in the Delta's own transaction: the rows it touches as they
 * are, tables that it clears as a whole, the list of objects if it changes that. Rows go from table to table by SQL alone
 * (BK-15). Rules TM-2 to TM-4.
 */

import type { DeltaTable, SchemaEntry } from '../../schemas/delta/delta.ts'
import { bindCell, boundValue, rowidName, textBytesOf, whereKey } from '../../schemas/delta/toSql.ts'
import type { Cell } from '../../schemas/delta/value.ts'
import type { SqlDatabase } from '../sql/sqlDatabase.ts'
import { isRealTable } from './applySchema.ts'
import { systemColumns } from './checkObjects.ts'
import { type CopyMeta, isSystemName, quoteName, readObjects, systemTableName } from './copyLayout.ts'
import { readShape } from './copyTables.ts'
import {
  closePastTables,
  createPast,
  keyNames,
  MAX_PAST_COLUMNS,
  openPastTable,
  type PastTable,
  pastName,
  valueNames,
  writePastObjects,
  writePastPoint,
} from './pastLayout.ts'
import { StatementsByMask } from './statementsByMask.ts'

/** When the state that is left was taken, and how large the copy was. */
export interface PastTime {
  readonly takenAt: number
  readonly sizeBytes: number
}

/** What follows cannot be undone cheaply: the copy is to be kept as a whole before it is applied (TM-4). */
export class NeedsSnapshotError extends Error {
  override readonly name = 'NeedsSnapshotError'
}

/** The state that a Delta leaves. */
export interface PastKeeper {
  /**
   * The schema changes: call it before anything is dropped.
   * @throws {NeedsSnapshotError} if this cannot be undone cheaply.
   */
  schema(entries: readonly SchemaEntry[]): void
  /** Rows of a table of the device change; `allColumns` includes generated ones. @throws {NeedsSnapshotError} as `schema`. */
  table(table: DeltaTable, allColumns: readonly string[]): PastRows
  /** All rows of one of SQLite's own tables leave; nothing happens if the copy has none. */
  systemTable(name: string): void
}

export interface PastRows {
  /** The row of `key` changes or leaves, or one of this key comes. */
  keep(key: readonly Cell[]): void
  /** A row comes. Its key was kept before, unless the Delta is not what it should be: then there was none. */
  enters(row: readonly Cell[]): void
  /** All rows leave. */
  keepAll(): void
}

/** Begins to keep the state `held`. */
export function keepPast(copy: SqlDatabase, held: CopyMeta, time: PastTime): PastKeeper {
  createPast(copy)
  writePastPoint(copy, held, time)
  return new Keeper(copy, held.number)
}

/** Goes on keeping what changes since the point `number`, which is there. */
export function keepPastSince(copy: SqlDatabase, number: number): PastKeeper {
  return new Keeper(copy, number)
}

class Keeper implements PastKeeper {
  readonly #copy: SqlDatabase
  readonly #point: bigint

  constructor(copy: SqlDatabase, number: number) {
    this.#copy = copy
    this.#point = BigInt(number)
  }

  schema(entries: readonly SchemaEntry[]): void {
    const before = readObjects(this.#copy)
    if (entries.some(({ was, name }) => was !== undefined && was !== name))
      throw new NeedsSnapshotError('a table has another name')
    writePastObjects(this.#copy, Number(this.#point), before)
    for (const object of before) {
      if (object.type !== 'table') continue
      const after = entries.find((entry) => entry.type === 'table' && entry.name === object.name)
      if (isSystemName(object.name) && after === undefined) this.systemTable(object.name)
      if (isRealTable(object) && after?.rows !== 'keep') this.#keepTable(object.name)
    }
    closePastTables(this.#copy)
  }

  table(table: DeltaTable, allColumns: readonly string[]): PastRows {
    const form = this.#open(formOf(table))
    const rowid = rowidName(allColumns)
    const [names, marks] = [keyNames(form), valueNames(form)]
    const into = (columns: readonly string[]): string =>
      `INSERT OR IGNORE INTO ${pastName(form.id)}(${['point', 'gone', ...columns].join(', ')})`
    const keySql = keyColumns(form, rowid)
    const held = new StatementsByMask((mask) =>
      this.#copy.prepare(
        `${into([...names, ...marks])} SELECT ?, 0, ${[...keySql, ...form.columns.map(quoteName)].join(', ')}
         FROM ${quoteName(table.name)} WHERE ${whereKey(table, allColumns, mask)}`,
      ),
    )
    const absent = new StatementsByMask((mask) =>
      this.#copy.prepare(`${into(names)} VALUES(?, 1, ${mask.map(boundValue).join(', ')})`),
    )
    const keyPlaces = typeof form.key === 'string' ? [0] : form.key.map((column) => form.columns.indexOf(column))
    const wasAbsent = (key: readonly Cell[]): void => {
      absent.for(textBytesOf(key)).run(this.#point, ...key.map(bindCell))
    }
    return {
      keep: (key) => {
        if (held.for(textBytesOf(key)).run(this.#point, ...key.map(bindCell)) === 0) wasAbsent(key)
      },
      enters: (row) => wasAbsent(keyPlaces.map((at) => row[at] ?? null)),
      keepAll: () => this.#keepAll(form, table.name, form.key === 'none' ? undefined : keySql),
    }
  }

  systemTable(name: string): void {
    const holder = systemTableName(name)
    const columns = systemColumns(name)
    const isThere = this.#copy.prepare('SELECT 1 FROM main.sqlite_schema WHERE name = ?').get(holder) !== undefined
    if (columns === undefined || !isThere) return
    this.#keepAll(this.#open({ name, key: 'none', columns }), holder, undefined)
  }

  /** A table that is dropped or made anew. A rowid that is a column is kept with the others. */
  #keepTable(name: string): void {
    const { columns, rowid, alias } = readShape(this.#copy, { schema: 'main', table: name })
    const hidden = alias ? undefined : rowid
    const form = this.#open({ name, key: hidden === undefined ? 'none' : 'rowid', columns })
    this.#keepAll(form, name, hidden === undefined ? undefined : [hidden])
  }

  #keepAll(form: PastTable, source: string, key: readonly string[] | undefined): void {
    const names = ['point', 'gone', ...keyNames(form), ...valueNames(form)]
    const values = [...(key ?? ['row_number() OVER ()']), ...form.columns.map(quoteName)]
    this.#copy
      .prepare(
        `INSERT OR IGNORE INTO ${pastName(form.id)}(${names.join(', ')})
         SELECT ?, 0, ${values.join(', ')} FROM ${quoteName(source)} NOT INDEXED`,
      )
      .run(this.#point)
    this.#copy
      .prepare('INSERT OR IGNORE INTO _nightferry_past_whole(point, id) VALUES(?, ?)')
      .run(this.#point, BigInt(form.id))
  }

  #open(form: Omit<PastTable, 'id'>): PastTable {
    if (form.columns.length + form.key.length > MAX_PAST_COLUMNS)
      throw new NeedsSnapshotError(`table ${form.name} has too many columns`)
    return openPastTable(this.#copy, form)
  }
}

/** SQL of the key in a row of the device's table; none if rows have no key. */
function keyColumns({ key }: PastTable, rowid: string | undefined): string[] {
  if (key === 'none') return []
  return key === 'rowid' ? [rowid ?? 'rowid'] : key.map(quoteName)
}

/** A rowid that is a column stands among the columns. */
function formOf({ name, key, rowidColumn, columns }: DeltaTable): Omit<PastTable, 'id'> {
  return { name, key: key === 'rowid' && rowidColumn !== undefined ? [rowidColumn] : key, columns }
}
