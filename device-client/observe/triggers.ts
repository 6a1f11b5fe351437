/**
 * The observers: SQL text of the triggers that note which rows changed. They note keys, never values; noting
 * too much is harmless. Plain SQL of 2004, so that the oldest SQLite an application links can read the schema;
 * no ON CONFLICT, because the outer statement's clause would override it. Rules DC-2, DC-4.
 */

import { quoteName } from '../../schemas/delta/toSql.ts'
import type { IndexTerm } from './indexTerms.ts'
import type { TableShape, UniqueIndex } from './tableShape.ts'

export interface Observer {
  readonly name: string
  readonly sql: string
}

/** Name of the log of a WITHOUT ROWID table; tables with a rowid share `_nightferry_change`. */
export function logTableName(id: number): string {
  return `_nightferry_change_${id}`
}

/** Name of the trigger whose presence proves that the table is still the one that was registered. */
export function anchorTriggerName(id: number): string {
  return `_nightferry_${id}_insert`
}

/** All triggers for a table that is tracked by them, under its registered id. */
export function observersFor(shape: TableShape, id: number): Observer[] {
  const on = quoteName(shape.name)
  const note = (row: 'NEW' | 'OLD') => noteSql(shape, id, row)
  const trigger = (suffix: string, event: string, body: readonly string[]): Observer => ({
    name: `_nightferry_${id}_${suffix}`,
    sql: `CREATE TRIGGER "_nightferry_${id}_${suffix}" ${event} ON ${on} BEGIN ${body.join(' ')} END`,
  })
  const observers = [
    trigger('insert', 'AFTER INSERT', [note('NEW')]),
    trigger('update', 'AFTER UPDATE', [note('NEW'), note('OLD')]),
    trigger('delete', 'AFTER DELETE', [note('OLD')]),
  ]
  const victims = shape.uniqueIndexes.map((index) => victimSql(shape, id, index))
  if (victims.length > 0) {
    observers.push(trigger('replace', 'BEFORE INSERT', victims), trigger('displace', 'BEFORE UPDATE', victims))
  }
  return observers
}

/** The log of a WITHOUT ROWID table: its key columns, untyped so that values keep their storage class. */
export function logTableSql(shape: TableShape, id: number): string {
  const keys = shape.primaryKey.map((_, i) => `k${i}`)
  return `CREATE TABLE ${quoteName(logTableName(id))}(${keys.join(',')},number,PRIMARY KEY(${keys.join(',')},number)) WITHOUT ROWID`
}

const OPEN_NUMBER = '(SELECT number FROM _nightferry_open)'

function noteSql(shape: TableShape, id: number, row: 'NEW' | 'OLD'): string {
  const values = keyColumns(shape).map((column) => `${row}.${column}`)
  return insertNoteSql(shape, id, values, 'WHERE')
}

/** `from` ends in WHERE or AND: the last term says that the note is not there yet. */
function insertNoteSql(shape: TableShape, id: number, values: readonly string[], from: string): string {
  if (!shape.withoutRowid) {
    const [key] = values
    const known = `SELECT 1 FROM _nightferry_change WHERE tbl=${id} AND key=${key} AND number=${OPEN_NUMBER}`
    return `INSERT INTO _nightferry_change(tbl,key,number) SELECT ${id},${key},${OPEN_NUMBER} ${from} NOT EXISTS(${known});`
  }
  const log = quoteName(logTableName(id))
  const same = values.map((value, i) => `k${i} IS ${value}`).join(' AND ')
  const known = `SELECT 1 FROM ${log} WHERE ${same} AND number=${OPEN_NUMBER}`
  const names = values.map((_, i) => `k${i}`).join(',')
  return `INSERT INTO ${log}(${names},number) SELECT ${values.join(',')},${OPEN_NUMBER} ${from} NOT EXISTS(${known});`
}

/** Notes the rows that hold what the new row brings: if REPLACE deletes them, no delete trigger fires. */
function victimSql(shape: TableShape, id: number, index: UniqueIndex): string {
  const table = quoteName(shape.name)
  const terms = index.terms.terms.map((term) => sameTermSql(shape, term))
  if (index.terms.condition !== undefined) terms.push(`(${index.terms.condition})`)
  const values = keyColumns(shape).map((column) => `${table}.${column}`)
  return insertNoteSql(shape, id, values, `FROM ${table} WHERE ${terms.join(' AND ')} AND`)
}

function sameTermSql(shape: TableShape, term: IndexTerm): string {
  const collation = `COLLATE ${quoteName(term.collation)}`
  if (term.kind === 'column') {
    return `${quoteName(shape.name)}.${quoteName(term.column)}=NEW.${quoteName(term.column)} ${collation}`
  }
  // The expression again, over a row of the same column names that holds the new values.
  const words = new Set(term.words.map((word) => word.toLowerCase()))
  const mentioned = shape.allColumns.filter((column) => words.has(column.toLowerCase()))
  const columns = mentioned.map((column) => `NEW.${quoteName(column)} AS ${quoteName(column)}`)
  return `(${term.text})=(SELECT ${term.text} FROM (SELECT ${columns.join(',') || '1'})) ${collation}`
}

/** The key's columns as SQL names. */
function keyColumns(shape: TableShape): string[] {
  if (shape.withoutRowid) return shape.primaryKey.map(quoteName)
  return [shape.rowid ?? 'rowid']
}
