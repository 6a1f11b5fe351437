/**
 * Opens one encrypted SQLite file of ours and brings its tables up to date. Several processes may have it open
 * (server and command line): WAL, FULL, and a busy timeout. Its key is random, wrapped by the master key, and lies
 * beside it in `<file>.key`, so that a rotation of the master key re-wraps it and touches nothing else.
 */

import { existsSync, readFileSync, rmSync } from 'node:fs'
import type { Kysely } from 'kysely'
import type { KeyRing } from '../../keys/keyRing.ts'
import { openDatabase } from '../../sql/betterSqlite.ts'
import { storageError } from '../../storage/storageError.ts'
import { createFileOnce, linkOnce } from '../../storage/writeFileDurably.ts'
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
  const database = openDatabase(path, { cipher, create: path !== file.path, busyTimeoutMs: BUSY_TIMEOUT_MS })
  const db = kyselyOver<Tables>(database)
  try {
    database.pragma('journal_mode=WAL')
    database.pragma('synchronous=FULL')
    await migrate(db, file.migrations)
  } catch (cause) {
    await db.destroy()
    throw storageError(cause, `${path} cannot be opened`)
  }
  return db
}

function readOrMakeKey(file: SqliteFile, keyRing: KeyRing): Uint8Array {
  const keyPath = `${file.path}.key`
  // The key rests before the file does: a file without its key could never be opened.
  if (!existsSync(keyPath)) createFileOnce(keyPath, `${keyRing.newKey(file.context).wrapped}\n`)
  return keyRing.unwrap(readFileSync(keyPath, 'utf8').trim(), file.context)
}
