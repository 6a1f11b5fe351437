/**
 * What a database looks like apart from its rows: its objects in `sqlite_schema` order, the shapes of its
 * tables, its header properties. Our own objects are never part of it.
 */

import type { DatabaseProperties, SchemaObject, TextEncoding } from '../../schemas/delta/delta.ts'
import type { SqlDatabase } from '../ports.ts'
import { readTableShape, type TableShape } from './tableShape.ts'

/** Objects with this prefix are ours, in a device's database and in a copy. */
export const RESERVED_PREFIX = '_nightferry_'

export interface SchemaPicture {
  readonly objects: readonly SchemaObject[]
  readonly tables: readonly TableShape[]
  readonly properties: DatabaseProperties
  /** SQLite's schema cookie; it also moves when our own objects change. */
  readonly cookie: number
}

/** True for names that belong to us. SQLite compares names without case. */
export function isReservedName(name: string): boolean {
  return name.toLowerCase().startsWith(RESERVED_PREFIX)
}

/** Reads the whole picture; call inside a transaction so that it is of one moment. */
export function readSchemaPicture(database: SqlDatabase): SchemaPicture {
  const objects = readObjects(database).filter(
    (object) => !isReservedName(object.name) && !isReservedName(object.tableName),
  )
  const kinds = readTableKinds(database)
  const tables = objects
    .filter((object) => object.type === 'table' && kinds.get(object.name) !== 'virtual')
    .map((object) => readTableShape(database, object.name, kinds.get(object.name) === 'shadow' ? 'shadow' : 'table'))
  return { objects, tables, properties: readProperties(database), cookie: readCookie(database) }
}

/** All rows of `sqlite_schema` in their order, ours included. */
export function readObjects(database: SqlDatabase): SchemaObject[] {
  const rows = database.prepare('SELECT type,name,tbl_name,sql FROM sqlite_schema ORDER BY rowid').all()
  return rows.map(([type, name, tableName, sql]) => ({
    type: type as SchemaObject['type'],
    name: String(name),
    tableName: String(tableName),
    sql: typeof sql === 'string' ? sql : null,
  }))
}

/** SQLite's schema cookie. */
export function readCookie(database: SqlDatabase): number {
  return readNumber(database, 'schema_version')
}

/** Header properties as they stand. */
export function readProperties(database: SqlDatabase): DatabaseProperties {
  const journal = String(database.prepare('PRAGMA journal_mode').get()?.[0]).toLowerCase()
  return {
    pageSize: readNumber(database, 'page_size'),
    encoding: String(database.prepare('PRAGMA encoding').get()?.[0]) as TextEncoding,
    autoVacuum: readNumber(database, 'auto_vacuum') as 0 | 1 | 2,
    userVersion: readNumber(database, 'user_version'),
    applicationId: readNumber(database, 'application_id'),
    journalMode: journal === 'wal' ? 'wal' : 'delete',
  }
}

function readNumber(database: SqlDatabase, pragma: string): number {
  return Number(database.prepare(`PRAGMA ${pragma}`).get()?.[0] ?? 0)
}

type TableKind = 'table' | 'virtual' | 'shadow'

function readTableKinds(database: SqlDatabase): Map<string, TableKind> {
  // The definition tells virtual tables even where their module is not known here.
  const virtual = database.prepare("SELECT name FROM sqlite_schema WHERE type='table' AND rootpage=0").all()
  const kinds = new Map<string, TableKind>(virtual.map(([name]) => [String(name), 'virtual']))
  const shadows = database.prepare("SELECT name FROM pragma_table_list WHERE schema='main' AND type='shadow'").all()
  for (const [name] of shadows) kinds.set(String(name), 'shadow')
  return kinds
}
