/**
 * Opens one encrypted SQLite file of ours and brings its tables up to date. Several processes may have it open
 * (server and command line): WAL, FULL, and a busy timeout. Its key is random, wrapped by the master key, and lies
 * beside it in `<file>.key`, so that a rotation of the master key re-wraps it and touches nothing else.
 */

import { existsSync, readFileSync, rmSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import { CodedError } from '../../../schemas/errors.ts'
import { type KeyRing, wrappedWith } from '../../keys/keyRing.ts'
import { countIds, type KeyUse } from '../../keys/keyUse.ts'
import { openDatabase } from '../../sql/betterSqlite.ts'
import type { OpenOptions, SqlDatabase } from '../../sql/sqlDatabase.ts'
import { storageError } from '../../storage/storageError.ts'
import { createFileOnce, linkOnce, writeFileDurably } from '../../storage/writeFileDurably.ts'
import { kyselyOver } from './kyselySqlite.ts'
import { type Migration, migrate } from './migrate.ts'

const BUSY_TIMEOUT_MS = 10_000

/** What a file is: where it lies, what its key is bound to, and the steps that make its tables. */
export interface SqliteFile {
  readonly path: string
  /** Context of its key, e.g. `catalogue`. */
  readonly context: string
  readonly migrations: readonly Migration[]
}

/**
 * Opens `file`, creating it when it is missing.
 *
 * @throws {CodedError} `key.wrong`, `storage.corrupt`, `storage.unavailable`; `config.invalid` if a later version
 *   of the program wrote it.
 */
export async function openSqliteFile<Tables>(file: SqliteFile, keyRing: KeyRing): Promise<Kysely<Tables>> {
  const key = readOrMakeKey(file, keyRing)
  if (!existsSync(file.path)) await createWhole(file, key)
  return openAndMigrate<Tables>(file.path, key, file)
}

/**
 * A new file gets its name when it is complete: the salt of its encryption is written with the first page, and a
 * process that opened it before would go on with another.
 */
async function createWhole(file: SqliteFile, key: Uint8Array): Promise<void> {
  const beside = `${file.path}.${process.pid}.new`
  try {
    const db = await openAndMigrate(beside, key, file)
    await db.destroy()
    linkOnce(beside, file.path)
  } finally {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${beside}${suffix}`, { force: true })
  }
}

async function openAndMigrate<Tables>(path: string, key: Uint8Array, file: SqliteFile): Promise<Kysely<Tables>> {
  const cipher = { kind: 'aegis', key } as const
  const database = openProven(path, { cipher, create: path !== file.path, busyTimeoutMs: BUSY_TIMEOUT_MS })
  const db = kyselyOver<Tables>(database)
  try {
    database.pragma('journal_mode=WAL')
    database.pragma('synchronous=FULL')
    // What is deleted is overwritten: a wrapped key must not lie on in free parts of pages (KY-13).
    database.pragma('secure_delete=ON')
    await migrate(db, file.migrations)
  } catch (cause) {
    await db.destroy()
    throw storageError(cause, `${path} cannot be opened`)
  }
  return db
}

/** With a key that the ring unwrapped, and so proved: a file that does not open with it is damaged (KY-8). */
function openProven(path: string, options: OpenOptions): SqlDatabase {
  try {
    return openDatabase(path, options)
  } catch (cause) {
    if (!(cause instanceof CodedError) || cause.code !== 'key.wrong') throw cause
    throw new CodedError('storage.corrupt', `${path} is damaged, or not the file that its key belongs to`, { cause })
  }
}

/** The key of the file at `path`, as one that needs a master key. */
export function fileKeyUse(context: string, path: string, keyRing: KeyRing): KeyUse {
  return {
    what: context,
    count: async () => {
      const wrapped = readWrapped(path)
      return countIds(wrapped === undefined ? [] : [wrappedWith(wrapped)], keyRing)
    },
    rewrap: async () => {
      const wrapped = readWrapped(path)
      if (wrapped === undefined || wrappedWith(wrapped) === keyRing.currentKeyId) return
      writeFileDurably(keyPathOf(path), `${keyRing.wrap(keyRing.unwrap(wrapped, context), context)}\n`)
    },
  }
}

/** The key of the file itself; undefined if there is no such file. @throws {CodedError} `key.wrong`, `storage.*`. */
export function keyOfFile(
  { path, context }: Pick<SqliteFile, 'path' | 'context'>,
  keyRing: Pick<KeyRing, 'unwrap'>,
): Uint8Array | undefined {
  const wrapped = readWrapped(path)
  return wrapped === undefined || !existsSync(path) ? undefined : keyRing.unwrap(wrapped, context)
}

/**
 * Writes the log of a file back and empties it, so that nothing deleted is left there; nothing happens if there is no such
 * file.
 * @throws {CodedError} `session.busy` if others read an older state for longer than ten seconds.
 */
export async function emptyLog(
  { path, context }: Pick<SqliteFile, 'path' | 'context'>,
  keyRing: KeyRing,
): Promise<void> {
  const key = keyOfFile({ path, context }, keyRing)
  if (key === undefined) return
  const database = openDatabase(path, { cipher: { kind: 'aegis', key }, busyTimeoutMs: 0 })
  try {
    for (
      const until = Date.now() + BUSY_TIMEOUT_MS;
      database.pragma('wal_checkpoint(TRUNCATE)') !== 0n;
      await pause(50)
    )
      if (Date.now() >= until) throw new CodedError('session.busy', `${path} is read by others for too long`)
  } finally {
    database.close()
  }
}

function keyPathOf(path: string): string {
  return `${path}.key`
}

function readWrapped(path: string): string | undefined {
  return existsSync(keyPathOf(path)) ? readFileSync(keyPathOf(path), 'utf8').trim() : undefined
}

function readOrMakeKey(file: SqliteFile, keyRing: KeyRing): Uint8Array {
  // The key rests before the file does: a file without its key could never be opened.
  if (readWrapped(file.path) === undefined)
    createFileOnce(keyPathOf(file.path), `${keyRing.newKey(file.context).wrapped}\n`)
  return keyRing.unwrap(readWrapped(file.path) ?? '', file.context)
}
