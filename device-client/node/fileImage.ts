/**
 * A consistent image of a whole database file for a full backup (DC-22): the application may go on writing.
 * The image lies in the agent's home, without our own objects, and goes with `dispose`.
 */

import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { CodedError } from '../../schemas/errors.ts'
import type { FileImage, FileImager } from '../ports.ts'
import { openDeviceDatabase, openDriver } from './betterSqlite.ts'
import { sqliteCode, translateSqliteError } from './sqliteErrors.ts'

type Driver = InstanceType<typeof Database>

/** Octets that stay free on the disk beside the image. */
const SPARE_BYTES = 16 * 1024 * 1024
const READ_BYTES = 256 * 1024

/** An image and what it does not tell by itself. */
export interface DatabaseImage extends FileImage {
  /** Where the image lies, for readers that need a file. */
  readonly path: string
}

/**
 * Takes an image of the database at `path` into `directory`.
 *
 * @throws {CodedError} `database.unknown`, `database.locked`, `database.invalid`; `storage.full` if the image does not
 *   fit beside what is on the disk.
 */
export async function takeFileImage(path: string, directory: string): Promise<DatabaseImage> {
  const source = openDriver(path)
  const imagePath = join(directory, `${randomUUID()}.image`)
  try {
    await checkSpace(source, path, directory)
    const wal = String(source.pragma('journal_mode', { simple: true })).toLowerCase() === 'wal'
    // SQLite writes into an empty file that is there: so its mode is ours from the first octet.
    await (await open(imagePath, 'wx', 0o600)).close()
    await copyInto(source, imagePath)
    finishImage(imagePath, schemaOrder(source), sequences(source))
    const { size } = await stat(imagePath)
    return {
      sizeBytes: size,
      journalMode: wal ? 'wal' : 'delete',
      path: imagePath,
      open: () => openDeviceDatabase(imagePath),
      read: () => readImage(imagePath, wal),
      dispose: () => removeImage(imagePath),
    }
  } catch (cause) {
    await removeImage(imagePath)
    throw translateSpace(path, cause)
  } finally {
    source.close()
  }
}

/** Fills the port `FileImager` on Node; images lie in `directory` of the agent's home. */
export function createFileImager(directory: string): FileImager {
  return { take: (path) => takeFileImage(path, directory) }
}

/** The image's octets; its header says the application's journal mode, which the image itself cannot be in. */
async function* readImage(imagePath: string, wal: boolean): AsyncGenerator<Uint8Array> {
  let first = wal
  for await (const chunk of createReadStream(imagePath, { highWaterMark: READ_BYTES }) as AsyncIterable<Uint8Array>) {
    // File format versions, bytes 18 and 19 of the header: 2 is WAL.
    if (first) chunk.fill(2, 18, 20)
    first = false
    yield chunk
  }
}

async function checkSpace(source: Driver, path: string, directory: string): Promise<void> {
  const pages = source.pragma('page_count', { simple: true }) as bigint
  const pageSize = source.pragma('page_size', { simple: true }) as bigint
  const disk = await statfs(directory, { bigint: true })
  const neededBytes = pages * pageSize + BigInt(SPARE_BYTES)
  const freeBytes = disk.bavail * disk.bsize
  if (freeBytes >= neededBytes) return
  throw new CodedError('storage.full', `an image of ${path} needs ${neededBytes} bytes, ${freeBytes} are free`, {
    next: `Free some space on the disk of ${directory}, or choose another home with --home.`,
    fields: { path, neededBytes: Number(neededBytes), freeBytes: Number(freeBytes) },
  })
}

async function copyInto(source: Driver, imagePath: string): Promise<void> {
  const safety = source.pragma('synchronous', { simple: true })
  try {
    // Of the image alone, which goes with the process; nothing is written to the database meanwhile.
    source.pragma('synchronous=OFF')
    // One statement, one read transaction: the image is one moment of the database.
    source.prepare('VACUUM INTO ?').run(imagePath)
  } catch (cause) {
    if (!sqliteCode(cause).startsWith('SQLITE_ERROR')) throw cause
    // VACUUM evaluates indexes: a collation or function that only the application has stops it. Pages do not care.
    await rm(imagePath)
    await source.backup(imagePath, { progress: () => 0x7fff_ffff })
  } finally {
    // The connection may carry the application's log into its file when it closes.
    source.pragma(`synchronous=${safety}`)
  }
}

/** Rows of `sqlite_sequence`, if the database has one. */
function sequences(source: Driver): [unknown, unknown][] | undefined {
  const exists = source.prepare("SELECT 1 FROM sqlite_schema WHERE name='sqlite_sequence'").get()
  if (!exists) return undefined
  return source.prepare('SELECT name, seq FROM sqlite_sequence ORDER BY rowid').raw(true).all() as [unknown, unknown][]
}

/** VACUUM drops `sqlite_sequence` when its last AUTOINCREMENT table is gone; the application still has it. */
function keepSequences(image: Driver, rows: readonly [unknown, unknown][] | undefined): void {
  const exists = image.prepare("SELECT 1 FROM sqlite_schema WHERE name='sqlite_sequence'").get()
  if (rows === undefined || exists) return
  image.exec('CREATE TABLE _nightferry_maker(x INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE _nightferry_maker')
  const insert = image.prepare('INSERT INTO sqlite_sequence(name, seq) VALUES(?, ?)')
  for (const row of rows) insert.run(...row)
}

/** Types and names in the order of the application's `sqlite_schema`. */
function schemaOrder(source: Driver): [string, string][] {
  return source.prepare('SELECT type, name FROM sqlite_schema ORDER BY rowid').raw(true).all() as [string, string][]
}

/**
 * Drops our tables and triggers from the image; what they held is overwritten with zeros. Then puts the schema into
 * the application's order, which VACUUM does not keep: a restored file lists its objects as the device's did.
 */
function finishImage(
  imagePath: string,
  order: readonly [string, string][],
  sequences: readonly [unknown, unknown][] | undefined,
): void {
  const image = new Database(imagePath, { fileMustExist: true })
  try {
    // The image is thrown away with the process: no journal, no fsync.
    image.pragma('journal_mode=DELETE')
    image.pragma('journal_mode=OFF')
    image.pragma('synchronous=OFF')
    image.pragma('secure_delete=ON')
    image.pragma('foreign_keys=OFF')
    const own = image
      .prepare(
        `SELECT type, name FROM sqlite_schema WHERE type IN ('trigger','view','table')
         AND substr(name, 1, 12) = '_nightferry_' ORDER BY type = 'table', name`,
      )
      .raw(true)
      .all() as [string, string][]
    for (const [type, name] of own) image.exec(`DROP ${type} "${name.replaceAll('"', '""')}"`)
    keepSequences(image, sequences)
    image.unsafeMode(true)
    image.pragma('writable_schema=ON')
    image.exec('UPDATE sqlite_schema SET rowid=-rowid')
    const place = image.prepare('UPDATE sqlite_schema SET rowid=? WHERE rowid<0 AND type=? AND name=?')
    for (const [i, [type, name]] of order.entries()) place.run(i + 1, type, name)
    image.pragma('writable_schema=RESET')
  } finally {
    image.close()
  }
}

async function removeImage(imagePath: string): Promise<void> {
  for (const suffix of ['', '-journal', '-wal', '-shm']) await rm(imagePath + suffix, { force: true })
}

function translateSpace(path: string, cause: unknown): unknown {
  const code = sqliteCode(cause)
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return translateSqliteError(path, cause)
  return new CodedError('storage.full', `no space left for an image of ${path}`, { cause, fields: { path } })
}
