/**
 * What a copy remembers of states it left behind: its points, and per table the rows that were changed or removed since.
 * Tables of ours inside the copy, written in the transaction that changes the rows (TM-2, TM-3).
 */

import type { SqlDatabase } from '../sql/sqlDatabase.ts'
import type { CopyMeta, CopyPosition, DatabaseHeader, SchemaObject } from './copyLayout.ts'

/** A state the copy was in, and when that came: server time, milliseconds. */
export interface PastPoint extends CopyPosition {
  readonly takenAt: number
  /** Octets of the copy then. */
  readonly sizeBytes: number
}

/** A past point with what is needed to go back to it. */
export interface PastState extends PastPoint {
  readonly header: DatabaseHeader
  /** The list of objects, if the Delta that followed changed it. */
  readonly objects: readonly SchemaObject[] | undefined
}

/** Rows of one table in one form: after another column was appended they are kept in a table of their own. */
export interface PastTable {
  readonly id: number
  /** Name of the device's table. */
  readonly name: string
  /** Columns that make up the key, among `columns`; `rowid` if that is a number without a column. */
  readonly key: readonly string[] | 'rowid' | 'none'
  readonly columns: readonly string[]
}

/** Columns of a kept table at the most: one more for each of the key, and two of ours. */
export const MAX_PAST_COLUMNS = 1900

const TABLES = `
  CREATE TABLE _nightferry_past_point(number INTEGER PRIMARY KEY, token TEXT, lineage TEXT, taken_at INTEGER,
    size_bytes INTEGER, header TEXT, objects TEXT);
  CREATE TABLE _nightferry_past_table(id INTEGER PRIMARY KEY, name TEXT, key TEXT, columns TEXT, open INTEGER);
  CREATE TABLE _nightferry_past_whole(point INTEGER, id INTEGER, PRIMARY KEY(point, id)) WITHOUT ROWID;
`

/** Notes names of states that lie elsewhere, so that no later state of this copy can take one of them (ID-3). */
export function writeTakenTokens(db: SqlDatabase, tokens: readonly string[]): void {
  if (tokens.length === 0) return
  db.exec('CREATE TABLE _nightferry_past_taken(token TEXT PRIMARY KEY) WITHOUT ROWID')
  const insert = db.prepare('INSERT OR IGNORE INTO _nightferry_past_taken(token) VALUES(?)')
  for (const token of tokens) insert.run(token)
}

/** True if an older state of the database has this name, here or elsewhere. */
export function isTokenTaken(db: SqlDatabase, token: string): boolean {
  const tables = db
    .prepare("SELECT name FROM main.sqlite_schema WHERE name IN ('_nightferry_past_taken', '_nightferry_past_point')")
    .all()
  return tables.some(([name]) => db.prepare(`SELECT 1 FROM ${name} WHERE token = ?`).get(token) !== undefined)
}

/** True if the copy remembers anything, or could. */
export function hasPast(db: SqlDatabase): boolean {
  return db.prepare("SELECT 1 FROM main.sqlite_schema WHERE name = '_nightferry_past_point'").get() !== undefined
}

/** Makes the tables if they are not there. */
export function createPast(db: SqlDatabase): void {
  if (!hasPast(db)) db.exec(TABLES)
}

/** Forgets everything: it lies elsewhere. */
export function dropPast(db: SqlDatabase): void {
  if (!hasPast(db)) return
  for (const { id } of readPastTables(db)) db.exec(`DROP TABLE ${pastName(id)}`)
  for (const name of ['point', 'table', 'whole']) db.exec(`DROP TABLE _nightferry_past_${name}`)
}

/** Notes the state that is about to be left. */
export function writePastPoint(
  db: SqlDatabase,
  { pageSize, encoding, autoVacuum, userVersion, applicationId, journalMode, ...meta }: CopyMeta,
  taken: { readonly takenAt: number; readonly sizeBytes: number },
): void {
  const header: DatabaseHeader = { pageSize, encoding, autoVacuum, userVersion, applicationId, journalMode }
  db.prepare(
    `INSERT OR REPLACE INTO _nightferry_past_point(number, token, lineage, taken_at, size_bytes, header)
     VALUES(?, ?, ?, ?, ?, ?)`,
  ).run(
    BigInt(meta.number),
    meta.token,
    meta.lineage,
    BigInt(taken.takenAt),
    BigInt(taken.sizeBytes),
    JSON.stringify(header),
  )
}

/** The list of objects of the point `number`, which the Delta that follows it changes. */
export function writePastObjects(db: SqlDatabase, number: number, objects: readonly SchemaObject[]): void {
  db.prepare('UPDATE _nightferry_past_point SET objects = ? WHERE number = ?').run(
    JSON.stringify(objects),
    BigInt(number),
  )
}

/** Past points, newest first. */
export function readPast(db: SqlDatabase): PastState[] {
  if (!hasPast(db)) return []
  return db
    .prepare(
      `SELECT number, token, lineage, taken_at, size_bytes, header, objects FROM _nightferry_past_point
       ORDER BY number DESC`,
    )
    .all()
    .map(([number, token, lineage, takenAt, sizeBytes, header, objects]) => ({
      number: Number(number),
      token: String(token),
      lineage: String(lineage),
      takenAt: Number(takenAt),
      sizeBytes: Number(sizeBytes),
      header: JSON.parse(String(header)) as DatabaseHeader,
      objects: objects === null ? undefined : (JSON.parse(String(objects)) as readonly SchemaObject[]),
    }))
}

/** All kept tables, the newest forms first. */
export function readPastTables(db: SqlDatabase): PastTable[] {
  return db
    .prepare('SELECT id, name, key, columns FROM _nightferry_past_table ORDER BY id DESC')
    .all()
    .map(([id, name, key, columns]) => ({
      id: Number(id),
      name: String(name),
      key: JSON.parse(String(key)) as PastTable['key'],
      columns: JSON.parse(String(columns)) as readonly string[],
    }))
}

/** The kept table of this form, made if there is none. */
export function openPastTable(db: SqlDatabase, form: Omit<PastTable, 'id'>): PastTable {
  const [key, columns] = [JSON.stringify(form.key), JSON.stringify(form.columns)]
  const found = db
    .prepare('SELECT id FROM _nightferry_past_table WHERE open AND name = ? AND key = ? AND columns = ?')
    .get(form.name, key, columns)
  if (found !== undefined) return { ...form, id: Number(found[0]) }
  const made = db
    .prepare('INSERT INTO _nightferry_past_table(name, key, columns, open) VALUES(?, ?, ?, 1) RETURNING id')
    .get(form.name, key, columns)
  const table = { ...form, id: Number(made?.[0]) }
  const [keys, values] = [keyNames(table), valueNames(table)]
  // Without types: each value stays what it is.
  db.exec(`CREATE TABLE ${pastName(table.id)}(${['point', 'gone', ...keys, ...values].join(', ')})`)
  db.exec(`CREATE UNIQUE INDEX ${pastName(table.id)}_key ON ${pastName(table.id)}(${['point', ...keys].join(', ')})`)
  return table
}

/** The schema changes: what is kept from now on goes into tables of its own, so that ids follow time. */
export function closePastTables(db: SqlDatabase): void {
  db.exec('UPDATE _nightferry_past_table SET open = 0')
}

/** Octets of the pages that older states take. Costs the reading of those pages. */
export function pastBytes(db: SqlDatabase): number {
  if (!hasPast(db)) return 0
  const size = db.prepare('SELECT pgsize FROM dbstat WHERE name = ? AND aggregate = TRUE')
  const names = readPastTables(db).flatMap(({ id }) => [pastName(id), `${pastName(id)}_key`])
  return names.reduce((sum, name) => sum + Number(size.get(name)?.[0] ?? 0), 0)
}

/** Name of the table that holds rows of a kept table. */
export function pastName(id: number): string {
  return `_nightferry_past_${id}`
}

/** Its columns for the key; a table without a key numbers its rows. */
export function keyNames({ key }: Pick<PastTable, 'key'>): string[] {
  return typeof key === 'string' ? ['k0'] : key.map((_, at) => `k${at}`)
}

/** Its columns for the values, in the order of `columns`. */
export function valueNames({ columns }: Pick<PastTable, 'columns'>): string[] {
  return columns.map((_, at) => `c${at}`)
}
