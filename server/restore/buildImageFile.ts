/**
 * Builds the plain SQLite file of a restore from a copy, in memory or page-encrypted on disk: the device's objects in the device's
 * order and text, rows and rowids by SQL alone, and nothing of ours (RS-2, RS-3).
 *
 * Indexes are made before the rows: SQLite then copies their records in order instead of sorting them, so memory does
 * not grow with the database. One read transaction on the copy; Deltas go on meanwhile (RS-1).
 */

import { writeFileSync } from 'node:fs'
import { CodedError } from '../../schemas/errors.ts'
import { checkTable, createDefinition } from '../backup/checkDefinition.ts'
import {
  type CopyMeta,
  isSystemName,
  quoteName,
  readMeta,
  readObjects,
  type SchemaObject,
  systemTableName,
} from '../backup/copyLayout.ts'
import { copyTable } from '../backup/copyTables.ts'
import { attach, MEMORY_FILE, openDatabase } from '../sql/betterSqlite.ts'
import type { SqlDatabase } from '../sql/sqlDatabase.ts'

interface ImageSource {
  readonly copyPath: string
  readonly copyKey: Uint8Array
}

export interface ImageFileInput extends ImageSource {
  /** Where the image file comes to lie; nothing must be there. */
  readonly imagePath: string
  readonly passphrase: string
}

/**
 * The image file; its header says rollback mode, whatever the returned meta says.
 * @throws {CodedError} `storage.corrupt` if the copy contradicts itself, `key.wrong`, `storage.full`.
 */
export function buildImageFile(input: ImageFileInput, onProgress: (rows: number) => void): CopyMeta {
  const header = peekCopy(input)
  // SQLite would make it readable for others.
  writeFileSync(input.imagePath, '', { mode: 0o600, flag: 'wx' })
  const image = openDatabase(input.imagePath, {
    cipher: { kind: 'aes256cbc', passphrase: input.passphrase },
  })
  try {
    return build(image, header, input, onProgress)
  } finally {
    image.close()
  }
}

/**
 * The same in memory, for a copy that is small enough: the octets of the plain file, journal mode and all.
 * @throws {CodedError} as {@link buildImageFile}.
 */
export function buildImageInMemory(
  input: ImageSource,
  onProgress: (rows: number) => void,
): { readonly meta: CopyMeta; readonly octets: Buffer } {
  const header = peekCopy(input)
  const image = openDatabase(MEMORY_FILE, { cipher: { kind: 'none' } })
  try {
    const meta = build(image, header, input, onProgress)
    const octets = image.serialize()
    octets.fill(meta.journalMode === 'wal' ? 2 : 1, 18, 20)
    return { meta, octets }
  } finally {
    image.close()
  }
}

function build(
  image: SqlDatabase,
  header: CopyMeta,
  { copyPath, copyKey }: ImageSource,
  onProgress: (rows: number) => void,
): CopyMeta {
  try {
    prepareTarget(image, header)
    attach(image, copyPath, 'src', { kind: 'aegis', key: copyKey })
    // Deferred, and never a write to `src`: BEGIN IMMEDIATE would lock the copy against Deltas.
    image.exec('BEGIN')
    const meta = readMeta(image)
    if (meta.pageSize !== header.pageSize || meta.encoding !== header.encoding || meta.autoVacuum !== header.autoVacuum)
      throw new CodedError('storage.unavailable', 'the copy changed its format meanwhile')
    fillImage(image, readObjects(image), onProgress)
    image.pragma(`user_version=${meta.userVersion}`)
    image.pragma(`application_id=${meta.applicationId}`)
    image.exec('COMMIT')
    return meta
  } catch (cause) {
    throw translate(cause)
  }
}

/** Page size, encoding and auto_vacuum must be known before the image's first page is written. */
function peekCopy(input: ImageSource): CopyMeta {
  const copy = openDatabase(input.copyPath, { cipher: { kind: 'aegis', key: input.copyKey } })
  try {
    return readMeta(copy)
  } finally {
    copy.close()
  }
}

function prepareTarget(image: SqlDatabase, header: CopyMeta): void {
  image.pragma(`page_size=${header.pageSize}`)
  image.pragma(`auto_vacuum=${header.autoVacuum}`)
  image.pragma(`encoding='${header.encoding}'`)
  image.pragma('journal_mode=MEMORY')
  image.pragma('synchronous=OFF')
  image.pragma('ignore_check_constraints=ON')
}

function translate(cause: unknown): unknown {
  const code = String((cause as { code?: unknown }).code ?? '')
  if (!code.startsWith('SQLITE_')) return cause
  if (code.startsWith('SQLITE_FULL')) return new CodedError('storage.full', 'no space left for an image', { cause })
  if (/^SQLITE_(CANTOPEN|BUSY|LOCKED)/.test(code))
    return new CodedError('storage.unavailable', 'the copy cannot be read', { cause, fields: { sqlite: code } })
  return new CodedError('storage.corrupt', 'the image cannot be built from the copy', {
    cause,
    fields: { sqlite: code },
  })
}

/** Objects that are rows of `sqlite_schema` only: they have no pages and never run here (BK-5). */
function isData(object: SchemaObject): boolean {
  if (object.type === 'table') return /^CREATE VIRTUAL TABLE\b/i.test(object.sql ?? '')
  return object.type === 'view' || object.type === 'trigger'
}

function fillImage(image: SqlDatabase, objects: readonly SchemaObject[], onProgress: (rows: number) => void): void {
  const real = objects.filter((object) => !isData(object))
  // SQLite writes the encoding with the first table; a database that lost its last one still has it.
  if (real.length === 0) image.exec('CREATE TABLE _nightferry_encoding(x); DROP TABLE _nightferry_encoding')
  for (const object of real) if (object.type === 'table' && !isSystemName(object.name)) createTable(image, object)
  for (const object of real) if (object.type === 'index' && object.sql !== null) image.prepare(object.sql).run()
  const renamed = createSystemTables(image, real)
  let rows = 0
  for (const { type, name } of real) {
    if (type !== 'table' || isSystemName(name)) continue
    rows += copyTable(image, { schema: 'src', table: name }, { schema: 'main', table: name })
    onProgress(rows)
  }
  // Last of all: filling an AUTOINCREMENT table writes to `sqlite_sequence`.
  for (const { type, name } of real)
    if (type === 'table' && isSystemName(name)) fillSystemTable(image, name, renamed.get(name) ?? name)
  writeSchema(image, renamed)
}

function createTable(image: SqlDatabase, { name, sql }: SchemaObject): void {
  const verdict = checkTable(sql ?? '', name)
  if (!verdict.ok) throw new CodedError('storage.corrupt', `the copy holds a definition it cannot: ${verdict.reason}`)
  createDefinition(image, sql ?? '', verdict.standIns)
}

/**
 * `sqlite_sequence` comes with the first AUTOINCREMENT table. The others cannot be created by name: they are made
 * under a name of ours and take their own in {@link writeSchema}.
 * @returns the provisional names.
 */
function createSystemTables(image: SqlDatabase, real: readonly SchemaObject[]): ReadonlyMap<string, string> {
  const renamed = new Map<string, string>()
  for (const { type, name } of real) {
    if (type !== 'table' || !isSystemName(name)) continue
    if (name === 'sqlite_sequence') ensureSequence(image)
    else {
      const provisional = `_nightferry_image_${renamed.size}`
      const columns = image
        .prepare('SELECT name FROM pragma_table_info(?, ?) ORDER BY cid')
        .all(systemTableName(name), 'src')
        .map(([column]) => quoteName(String(column)))
      image.exec(`CREATE TABLE main.${provisional}(${columns.join(', ')})`)
      renamed.set(name, provisional)
    }
  }
  return renamed
}

function ensureSequence(image: SqlDatabase): void {
  if (image.prepare("SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_sequence'").get() !== undefined) return
  // The device dropped its last AUTOINCREMENT table; the list of sequences stays.
  image.exec('CREATE TABLE main._nightferry_image_sequence(a INTEGER PRIMARY KEY AUTOINCREMENT)')
  image.exec('DROP TABLE main._nightferry_image_sequence')
}

function fillSystemTable(image: SqlDatabase, name: string, target: string): void {
  const from = { schema: 'src', table: systemTableName(name) }
  image.exec(`DELETE FROM main.${quoteName(target)}`)
  copyTable(image, from, { schema: 'main', table: target })
}

/** Puts the device's list of objects in the place of ours: names, text, data objects, order. */
function writeSchema(image: SqlDatabase, renamed: ReadonlyMap<string, string>): void {
  image.writableSchema(true)
  const rename = image.prepare(
    `UPDATE main.sqlite_schema SET name = o.name, tbl_name = o.table_name, sql = o.sql
     FROM src._nightferry_copy_object o WHERE o.type = 'table' AND o.name = ? AND sqlite_schema.name = ?`,
  )
  for (const [name, provisional] of renamed) rename.run(name, provisional)
  image.exec(`INSERT INTO main.sqlite_schema(type, name, tbl_name, rootpage, sql)
    SELECT type, name, table_name, 0, sql FROM src._nightferry_copy_object
    WHERE type IN ('view', 'trigger') OR (type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%')`)
  verifySchema(image)
  // Two steps, so that no row takes a place that another still holds.
  image.exec(`UPDATE main.sqlite_schema SET rowid = 1000000000 + (SELECT o.position FROM src._nightferry_copy_object o
    WHERE o.type = sqlite_schema.type AND o.name = sqlite_schema.name)`)
  image.exec('UPDATE main.sqlite_schema SET rowid = rowid - 1000000000')
  image.writableSchema(false)
}

function verifySchema(image: SqlDatabase): void {
  const made = 'SELECT type, name, tbl_name, sql FROM main.sqlite_schema'
  const declared = 'SELECT type, name, table_name, sql FROM src._nightferry_copy_object'
  for (const [these, those] of [
    [made, declared],
    [declared, made],
  ]) {
    const odd = image.prepare(`${these} EXCEPT ${those} LIMIT 1`).get()
    if (odd !== undefined)
      throw new CodedError('storage.corrupt', `${odd[0]} ${odd[1]} is not the same in the image and in the copy's list`)
  }
}
