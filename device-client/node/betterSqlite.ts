/**
 * Opens the device's databases with better-sqlite3 (DC-21). The build is the encrypting one, with defaults of its own;
 * here it behaves like plain SQLite. The only files of the agent that import the driver are this one, `fileImage.ts`
 * and `home.ts`.
 */

import { closeSync, existsSync, openSync } from 'node:fs'
import Database from 'better-sqlite3'
import { CodedError } from '../../schemas/errors.ts'
import type { SqlDatabase, SqlOpener, SqlStatement, SqlValue } from '../ports.ts'
import { translateSqliteError } from './sqliteErrors.ts'

type Driver = InstanceType<typeof Database>

/** Long enough for a short write of the application, short enough not to look like a hang. */
const BUSY_TIMEOUT_MS = 2000

/** Fills the port `SqlOpener` on Node. */
export const betterSqliteOpener: SqlOpener = { open: (path) => openDeviceDatabase(path) }

/**
 * Opens a database of the device for reading and observing; INTEGER arrives as bigint.
 *
 * Closing the last connection to a WAL database removes its `-wal` and `-shm`, as SQLite always does, so none stay
 * behind that were not there before.
 *
 * @throws {CodedError} `database.unknown` if there is no such file, `database.locked` if the application holds it,
 *   `database.invalid` if it is no intact plain SQLite database, `storage.unavailable` if it cannot be opened.
 */
export function openDeviceDatabase(path: string, options: { busyTimeoutMs?: number } = {}): SqlDatabase {
  const driver = openDriver(path, options.busyTimeoutMs ?? BUSY_TIMEOUT_MS)
  return {
    exec: (sql) => translated(path, () => void driver.exec(sql)),
    prepare: (sql) => translated(path, () => wrapStatement(path, driver, sql)),
    close: () => void driver.close(),
  }
}

/**
 * Opens a database of the agent's own, made (mode 0600) if it is not there.
 * @throws {CodedError} as `openDeviceDatabase`.
 */
export function createOwnDatabase(path: string): SqlDatabase {
  closeSync(openSync(path, 'a', 0o600))
  return openDeviceDatabase(path)
}

/** The driver itself, for the adapters of this folder; see `openDeviceDatabase`. */
export function openDriver(path: string, busyTimeoutMs: number = BUSY_TIMEOUT_MS): Driver {
  if (!existsSync(path)) {
    throw new CodedError('database.unknown', `there is no file ${path}`, { next: 'Check the path.', fields: { path } })
  }
  return translated(path, () => {
    const driver = new Database(path, { fileMustExist: true, timeout: busyTimeoutMs })
    try {
      driver.defaultSafeIntegers(true)
      driver.pragma('foreign_keys=OFF')
      driver.pragma('recursive_triggers=OFF')
      // The first read: shows a held lock, another format or damage here and not in the middle of the work.
      driver.prepare('SELECT count(*) FROM sqlite_schema').get()
    } catch (cause) {
      driver.close()
      throw cause
    }
    return driver
  })
}

function wrapStatement(path: string, driver: Driver, sql: string): SqlStatement {
  const statement = driver.prepare(sql)
  if (statement.reader) statement.raw(true)
  return {
    run: (...params) => translated(path, () => void statement.run(...params)),
    get: (...params) => translated(path, () => statement.get(...params) as SqlValue[] | undefined),
    all: (...params) => translated(path, () => statement.all(...params) as SqlValue[][]),
    *iterate(...params) {
      try {
        yield* statement.iterate(...params) as IterableIterator<SqlValue[]>
      } catch (cause) {
        throw translateSqliteError(path, cause)
      }
    },
  }
}

/** Runs `work`; its driver errors come out as ours. */
export function translated<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw translateSqliteError(path, cause)
  }
}
