/**
 * The server's own tables inside a DeviceCopy: what the copy is (meta), where it stands (position) and the
 * device's whole `sqlite_schema` in its order (object). Everything else in a copy is the device's.
 * Rules BK-1, BK-2, BK-5, BK-7.
 */

import { CodedError } from '../../schemas/errors.ts'
import { COPY_VERSION } from '../../schemas/version.ts'
import type { SqlDatabase, SqlValue } from '../sql/sqlDatabase.ts'

/** Positions that are kept: enough for every answer that can still arrive late (BK-2). */
export const KEPT_POSITIONS = 256

const RESERVED_PREFIX = '_nightferry_'
const SYSTEM_PREFIX = '_nightferry_copy_'

/** A moment in the life of a database: number and the random token it was sealed with. */
export interface ChainEntry {
  readonly number: number
  readonly token: string
}

/** A chain entry in its lineage. */
export interface CopyPosition extends ChainEntry {
  readonly lineage: string
}

/** What the device's file says about itself, beside its tables. */
export interface DatabaseHeader {
  /** Octets. */
  readonly pageSize: number
  readonly encoding: 'UTF-8' | 'UTF-16le' | 'UTF-16be'
  /** 0 none, 1 full, 2 incremental. */
  readonly autoVacuum: number
  readonly userVersion: number
  readonly applicationId: number
  readonly journalMode: 'wal' | 'delete'
}

/** Everything a copy knows about itself. */
export interface CopyMeta extends CopyPosition, DatabaseHeader {
  readonly version: number
  /** What the last Delta that emptied a table left (`guardMark.ts`). */
  readonly guarded?: string
}

/** One row of the device's `sqlite_schema`. `sql` is null for automatic indexes. */
export interface SchemaObject {
  readonly type: string
  readonly name: string
  readonly tableName: string
  readonly sql: string | null
}

/** Creates the layout in a new copy and writes its meta; its position is the only one in the history. */
export function createLayout(db: SqlDatabase, meta: Omit<CopyMeta, 'version'>): void {
  db.exec(`
    CREATE TABLE _nightferry_copy_meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE _nightferry_copy_position(number INTEGER PRIMARY KEY, token TEXT NOT NULL);
    CREATE TABLE _nightferry_copy_object(position INTEGER PRIMARY KEY, type TEXT, name TEXT, table_name TEXT, sql TEXT);
  `)
  writeMeta(db, { version: COPY_VERSION, ...meta })
  writePosition(db, [{ number: meta.number, token: meta.token }])
}

/**
 * Reads the meta.
 * @throws {CodedError} `storage.corrupt` if the layout is not there or of another version.
 */
export function readMeta(db: SqlDatabase): CopyMeta {
  const held = new Map<string, SqlValue>()
  for (const [key, value] of db.prepare('SELECT key, value FROM _nightferry_copy_meta').all())
    held.set(String(key), value ?? null)
  const version = Number(held.get('version'))
  if (version !== COPY_VERSION)
    throw new CodedError('storage.corrupt', `the copy has layout version ${version}, known is ${COPY_VERSION}`)
  return {
    version,
    lineage: String(held.get('lineage')),
    number: Number(held.get('number')),
    token: String(held.get('token')),
    pageSize: Number(held.get('pageSize')),
    encoding: String(held.get('encoding')) as DatabaseHeader['encoding'],
    autoVacuum: Number(held.get('autoVacuum')),
    userVersion: Number(held.get('userVersion')),
    applicationId: Number(held.get('applicationId')),
    journalMode: held.get('journalMode') === 'wal' ? 'wal' : 'delete',
    ...(held.has('guarded') && { guarded: String(held.get('guarded')) }),
  }
}

/** Writes the given keys of the meta; the others stay. */
export function writeMeta(db: SqlDatabase, meta: Partial<CopyMeta>): void {
  const entries = Object.entries(meta)
  if (entries.length === 0) return
  const rows = entries.map(() => '(?, ?)').join(', ')
  const values = entries.flatMap(([key, value]) => [key, typeof value === 'number' ? BigInt(value) : value])
  db.prepare(`INSERT OR REPLACE INTO _nightferry_copy_meta(key, value) VALUES ${rows}`).run(...values)
}

/** The device's `sqlite_schema`, in its order. */
export function readObjects(db: SqlDatabase): SchemaObject[] {
  return db
    .prepare('SELECT type, name, table_name, sql FROM _nightferry_copy_object ORDER BY position')
    .all()
    .map(([type, name, tableName, sql]) => ({
      type: String(type),
      name: String(name),
      tableName: String(tableName),
      sql: sql === null || sql === undefined ? null : String(sql),
    }))
}

/** Replaces the list of objects. */
export function writeObjects(db: SqlDatabase, objects: readonly SchemaObject[]): void {
  db.exec('DELETE FROM _nightferry_copy_object')
  const statement = db.prepare(
    'INSERT INTO _nightferry_copy_object(position, type, name, table_name, sql) VALUES(?, ?, ?, ?, ?)',
  )
  objects.forEach((object, index) => {
    statement.run(BigInt(index + 1), object.type, object.name, object.tableName, object.sql)
  })
}

/** Where the copy stands, and the tokens of its kept history by number. */
export function readPosition(db: SqlDatabase): CopyPosition & { readonly history: ReadonlyMap<number, string> } {
  const meta = readMeta(db)
  const history = new Map<number, string>()
  for (const [number, token] of db.prepare('SELECT number, token FROM _nightferry_copy_position').iterate())
    history.set(Number(number), String(token))
  return { lineage: meta.lineage, number: meta.number, token: meta.token, history }
}

/** The token of a position the copy passed, if it still remembers it. */
export function readPassedToken(db: SqlDatabase, number: number): string | undefined {
  const row = db.prepare('SELECT token FROM _nightferry_copy_position WHERE number = ?').get(BigInt(number))
  return row && String(row[0])
}

/**
 * Appends `chainEntries` (ascending) to the history and makes the last one the copy's position;
 * the newest {@link KEPT_POSITIONS} are kept. The lineage stays.
 */
export function writePosition(db: SqlDatabase, chainEntries: readonly ChainEntry[]): void {
  const last = chainEntries.at(-1)
  if (last === undefined) return
  const statement = db.prepare('INSERT OR REPLACE INTO _nightferry_copy_position(number, token) VALUES(?, ?)')
  for (const entry of chainEntries) statement.run(BigInt(entry.number), entry.token)
  db.prepare('DELETE FROM _nightferry_copy_position WHERE number <= ?').run(BigInt(last.number - KEPT_POSITIONS))
  writeMeta(db, { number: last.number, token: last.token })
}

/** Begins another life of the same rows: new lineage, new position, empty history (RS-7). */
export function replacePosition(db: SqlDatabase, position: CopyPosition): void {
  db.exec('DELETE FROM _nightferry_copy_position')
  writeMeta(db, { lineage: position.lineage })
  writePosition(db, [{ number: position.number, token: position.token }])
}

/** True for names of ours, in any case, as SQLite compares names (BK-7). */
export function isReservedName(name: string): boolean {
  return name.slice(0, RESERVED_PREFIX.length).toLowerCase() === RESERVED_PREFIX
}

/** True for SQLite's own tables: `sqlite_sequence`, `sqlite_stat1`, … */
export function isSystemName(name: string): boolean {
  return name.slice(0, 7).toLowerCase() === 'sqlite_'
}

/** The ordinary table of the copy that holds the rows of the device's system table `name` (BK-5). */
export function systemTableName(name: string): string {
  return SYSTEM_PREFIX + name.toLowerCase()
}

/** Creates the holder of a system table, empty; its columns have no type, so that every value stays as it is. */
export function createSystemTable(db: SqlDatabase, name: string, columns: readonly string[]): void {
  db.exec(`CREATE TABLE ${quoteName(systemTableName(name))}(${columns.map(quoteName).join(', ')})`)
}

/** An SQL identifier that stands for exactly this name. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
