/**
 * Builds a new copy from a page-encrypted file: checks the file, then its definitions, then copies table by table.
 * The file may be hostile; whatever SQLite says about it ends here as a code or as a reason to keep it as a file.
 * Rules BK-1, BK-5, BK-6, BK-7, BK-9.
 */

import { CodedError } from '../../schemas/errors.ts'
import { MAX_SCHEMA_OBJECTS } from '../../schemas/limits.ts'
import { attach, openDatabase } from '../sql/betterSqlite.ts'
import type { SqlDatabase } from '../sql/sqlDatabase.ts'
import { checkIndex, checkTable, createDefinition } from './checkDefinition.ts'
import { checkFile } from './checkFile.ts'
import { findOddIndex, findOddObject } from './checkObjects.ts'
import {
  type CopyMeta,
  type CopyPosition,
  createLayout,
  createSystemTable,
  type DatabaseHeader,
  isReservedName,
  isSystemName,
  readObjects,
  type SchemaObject,
  systemTableName,
} from './copyLayout.ts'
import { copyTable } from './copyTables.ts'
import { writeTakenTokens } from './pastLayout.ts'
import { UnsupportedDatabaseError } from './unsupportedDatabaseError.ts'

const COPY_PAGE_SIZE = 4096

export interface BuildCopyInput {
  readonly sourcePath: string
  readonly passphrase: string
  /** Where the copy is built; the caller gives it its name. */
  readonly buildingPath: string
  readonly key: Uint8Array
  readonly position: CopyPosition
  /** Names of the database's older states (ID-3). */
  readonly taken: readonly string[]
  readonly header: Omit<DatabaseHeader, 'autoVacuum'>
  /** All rows are in the file; the indexes are still to be made. */
  readonly onRows?: () => void
}

export type BuildOutcome =
  | { readonly kind: 'sql'; readonly header: DatabaseHeader; readonly tables: number; readonly rows: number }
  | { readonly kind: 'file'; readonly header: DatabaseHeader; readonly reason: string }

/**
 * Builds the copy, or says why the file must be kept as it is.
 *
 * @throws {CodedError} `database.invalid` if the file is damaged, `database.untrackable` for names of ours,
 *   `storage.full`, `storage.unavailable`.
 */
export function buildCopy(input: BuildCopyInput, onProgress: (step: string, done: number) => void): BuildOutcome {
  const { pageSize, encoding, userVersion, applicationId, journalMode } = input.header
  let header: DatabaseHeader = { pageSize, encoding, autoVacuum: 0, userVersion, applicationId, journalMode }
  try {
    const source = withCopy(input, (copy) =>
      withSource(copy, input, () => {
        header = { ...header, autoVacuum: Number(copy.pragma('src.auto_vacuum')) }
        return readSource(copy, { ...input.position, ...header })
      }),
    )
    withCopy(input, (copy) => writeTakenTokens(copy, input.taken))
    // A connection of their own: stand-ins for functions must not meet the hostile schema.
    withCopy(input, (copy) => createTables(copy, source.tables))
    const rows = withCopy(input, (copy) => {
      const copied = withSource(copy, input, () => copyRows(copy, source, onProgress))
      input.onRows?.()
      createIndexes(copy, source)
      // From now on readers (images) and the writer (Deltas) do not wait for each other.
      copy.pragma('journal_mode=WAL')
      return copied
    })
    return { kind: 'sql', header, tables: source.tables.size, rows }
  } catch (cause) {
    if (cause instanceof UnsupportedDatabaseError) return { kind: 'file', header, reason: cause.message }
    throw translate(cause)
  }
}

function withCopy<T>(input: BuildCopyInput, fn: (copy: SqlDatabase) => T): T {
  const copy = openDatabase(input.buildingPath, { cipher: { kind: 'aegis', key: input.key }, create: true })
  try {
    prepareTarget(copy, input.header.encoding)
    return fn(copy)
  } finally {
    copy.close()
  }
}

/**
 * The source is attached only while it is read: SQLite does not let tables be made whose names look like the shadow
 * tables of a virtual table it can see, not even in another file.
 */
function withSource<T>(copy: SqlDatabase, input: BuildCopyInput, fn: () => T): T {
  attach(copy, input.sourcePath, 'src', { kind: 'aes256cbc', passphrase: input.passphrase })
  // It is read from one end to the other: pages that are kept would only take memory.
  copy.pragma('src.cache_size=-2000')
  const result = fn()
  copy.exec('DETACH src')
  return result
}

function prepareTarget(copy: SqlDatabase, encoding: DatabaseHeader['encoding']): void {
  copy.pragma(`page_size=${COPY_PAGE_SIZE}`)
  copy.pragma(`encoding='${encoding}'`)
  // A copy under construction is thrown away on any failure: nothing of it needs to survive but the whole.
  copy.pragma('journal_mode=MEMORY')
  copy.pragma('synchronous=OFF')
  copy.pragma('ignore_check_constraints=ON')
}

/** Errors of SQLite itself, told apart by their code. */
function translate(cause: unknown): unknown {
  if (cause instanceof CodedError) return cause
  const code = String((cause as { code?: unknown }).code ?? '')
  if (code.startsWith('SQLITE_FULL')) return new CodedError('storage.full', 'no space left for a copy', { cause })
  if (code.startsWith('SQLITE_IOERR') || code.startsWith('SQLITE_CANTOPEN'))
    return new CodedError('storage.unavailable', 'the copy cannot be written', { cause, fields: { sqlite: code } })
  if (code.startsWith('SQLITE_'))
    return new CodedError('database.invalid', 'SQLite cannot read the file', { cause, fields: { sqlite: code } })
  return cause
}

function refuseReserved(copy: SqlDatabase): void {
  const [count] = copy.prepare('SELECT count(*) FROM src.sqlite_schema').get() ?? []
  if (Number(count) > MAX_SCHEMA_OBJECTS)
    throw new CodedError('protocol.too-large', `the database has ${count} schema objects`)
  const names = copy.prepare('SELECT name, tbl_name FROM src.sqlite_schema').all().flat()
  const reserved = names.find((name) => isReservedName(String(name)))
  if (reserved !== undefined)
    throw new CodedError('database.untrackable', `the name ${reserved} is reserved for Nightferry`)
}

/** By SQL alone, so that texts which are not well-formed arrive as they are. */
function copyObjects(copy: SqlDatabase): void {
  copy.exec(`INSERT INTO main._nightferry_copy_object(position, type, name, table_name, sql)
    SELECT row_number() OVER (ORDER BY rowid), type, name, tbl_name, sql FROM src.sqlite_schema`)
}

interface SourceContent {
  readonly objects: readonly SchemaObject[]
  /** Tables with rows of their own, SQLite's included, in the device's order. */
  readonly stored: readonly SchemaObject[]
  /** Text of the device's tables by name. */
  readonly tables: ReadonlyMap<string, string>
}

/** Checks the source and takes over everything but its rows. */
function readSource(copy: SqlDatabase, meta: Omit<CopyMeta, 'version'>): SourceContent {
  refuseReserved(copy)
  checkFile(copy)
  createLayout(copy, meta)
  copyObjects(copy)
  const objects = readObjects(copy)
  const virtual = findVirtualTables(copy)
  const stored = objects.filter(({ type, name }) => type === 'table' && !virtual.has(name))
  for (const { name } of stored) if (isSystemName(name)) createSystemTable(copy, name, readColumns(copy, name))
  const tables = new Map(stored.filter(({ name }) => !isSystemName(name)).map(({ name, sql }) => [name, sql ?? '']))
  return { objects, stored, tables }
}

function createTables(copy: SqlDatabase, tables: ReadonlyMap<string, string>): void {
  copy.transaction(() => {
    for (const [name, sql] of tables) {
      const verdict = checkTable(sql, name)
      if (!verdict.ok) throw new UnsupportedDatabaseError(verdict.reason)
      orUnsupported({ type: 'table', name }, () => createDefinition(copy, sql, verdict.standIns))
    }
  })
}

function copyRows(copy: SqlDatabase, source: SourceContent, onProgress: (step: string, done: number) => void): number {
  return copy.transaction(() => {
    let rows = 0
    for (const object of source.stored) {
      const isSystem = isSystemName(object.name)
      const target = { schema: 'main', table: isSystem ? systemTableName(object.name) : object.name }
      const copied = orUnsupported(object, () => copyTable(copy, { schema: 'src', table: object.name }, target))
      if (!isSystem) rows += copied
      onProgress('copy', rows)
    }
    return rows
  })
}

function createIndexes(copy: SqlDatabase, { objects, tables }: SourceContent): void {
  copy.transaction(() => {
    for (const object of objects)
      if (object.type === 'index' && object.sql !== null) createIndex(copy, object, object.sql, tables)
  })
  const odd = findOddIndex(copy) ?? findOddObject(objects)
  if (odd !== undefined) throw new UnsupportedDatabaseError(odd)
}

function createIndex(copy: SqlDatabase, object: SchemaObject, sql: string, tables: ReadonlyMap<string, string>): void {
  const tableSql = tables.get(object.tableName)
  if (tableSql === undefined) throw new UnsupportedDatabaseError(`index ${object.name}: its table is no plain table`)
  const verdict = checkIndex(sql, object.name, object.tableName, tableSql)
  if (!verdict.ok) throw new UnsupportedDatabaseError(verdict.reason)
  orUnsupported(object, () => createDefinition(copy, sql, verdict.standIns))
}

/** What SQLite refuses for the content's sake (a constraint the rows do not meet) is no damage: it is kept as a file. */
function orUnsupported<T>(object: Pick<SchemaObject, 'type' | 'name'>, fn: () => T): T {
  try {
    return fn()
  } catch (cause) {
    const code = String((cause as { code?: unknown }).code ?? '')
    if (code.startsWith('SQLITE_CONSTRAINT') || code === 'SQLITE_ERROR')
      throw new UnsupportedDatabaseError(`${object.type} ${object.name}: ${(cause as Error).message}`)
    throw cause
  }
}

/** Virtual tables have no pages of their own. */
function findVirtualTables(copy: SqlDatabase): ReadonlySet<string> {
  const rows = copy
    .prepare("SELECT name FROM src.sqlite_schema WHERE type = 'table' AND coalesce(rootpage, 0) = 0")
    .all()
  return new Set(rows.map(([name]) => String(name)))
}

function readColumns(copy: SqlDatabase, table: string): string[] {
  return copy
    .prepare('SELECT name FROM pragma_table_info(?, ?) ORDER BY cid')
    .all(table, 'src')
    .map(([column]) => String(column))
}
