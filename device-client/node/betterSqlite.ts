/**
 * Opens the device's databases with better-sqlite3 (DC-21). The build is the encrypting one, with defaults of its own;
 * here it behaves like plain SQLite. The only files of the agent that import the driver are this one, `fileImage.ts`
 * and `home.ts`.
 */

import { closeSync, existsSync, openSync } from 'node:fs'
import Database from 'better-sqlite3'
import { CodedError } from '../../schemas/errors.ts'
import type { SqlDatabase, SqlOpener, SqlStatement, SqlValue } from '../ports.ts'
import { sqliteCode, translateSqliteError } from './sqliteErrors.ts'

type Driver = InstanceType<typeof Database>

/** Long enough for a short write of the application, short enough not to look like a hang. */
const BUSY_TIMEOUT_MS = 2000

/**
 * SQLite asks for a held lock at growing intervals, up to 100 ms. An application that writes without pause gives its
 * lock free for less than one: asking anew after this long keeps the intervals short (1, 2, 5 ms).
 */
const ASK_MS = 8

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
  const patienceMs = options.busyTimeoutMs ?? BUSY_TIMEOUT_MS
  const driver = openDriver(path, patienceMs)
  driver.pragma(askSoon(patienceMs))
  const patiently: Runner = (work) => translated(path, () => askAgain(work, patienceMs))
  return {
    exec: (sql) => patiently(() => void driver.exec(sql)),
    prepare: (sql) => patiently(() => wrapStatement(patiently, path, driver, sql)),
    close: () => void driver.close(),
  }
}

type Runner = <T>(work: () => T) => T

const askSoon = (patienceMs: number): string => `busy_timeout=${Math.min(ASK_MS, patienceMs)}`

const pause = new Int32Array(new SharedArrayBuffer(4))

/** Runs one statement again while another process holds the lock, for `patienceMs` at most. */
function askAgain<T>(work: () => T, patienceMs: number): T {
  const until = performance.now() + patienceMs
  for (;;) {
    try {
      return work()
    } catch (cause) {
      if (sqliteCode(cause) !== 'SQLITE_BUSY' || performance.now() >= until) throw cause
      // Where waiting could be a deadlock SQLite refuses at once, without a pause of its own.
      Atomics.wait(pause, 0, 0, 1)
    }
  }
}

/**
 * Opens a database of the agent's own, made (mode 0600) if it is not there.
 * @throws {CodedError} as `openDeviceDatabase`.
 */
export function createOwnDatabase(path: string): SqlDatabase {
  // Only a file that nobody can have open: closing another would give up SQLite's locks on it.
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600))
  return openDeviceDatabase(path)
}

/** The driver itself, for the adapters of this folder; see `openDeviceDatabase`. */
export function openDriver(
  path: string,
  busyTimeoutMs: number = BUSY_TIMEOUT_MS,
  { readonly = false }: { readonly?: boolean } = {},
): Driver {
  if (!existsSync(path)) {
    throw new CodedError('database.unknown', `there is no file ${path}`, { next: 'Check the path.', fields: { path } })
  }
  return translated(path, () => {
    const driver = new Database(path, { fileMustExist: true, readonly })
    try {
      driver.defaultSafeIntegers(true)
      driver.pragma('foreign_keys=OFF')
      driver.pragma('recursive_triggers=OFF')
      // The first read: shows a held lock, another format or damage here and not in the middle of the work.
      driver.pragma(askSoon(busyTimeoutMs))
      askAgain(() => driver.prepare('SELECT count(*) FROM sqlite_schema').get(), busyTimeoutMs)
      driver.pragma(`busy_timeout=${busyTimeoutMs}`)
    } catch (cause) {
      driver.close()
      throw cause
    }
    return driver
  })
}

function wrapStatement(patiently: Runner, path: string, driver: Driver, sql: string): SqlStatement {
  const statement = driver.prepare(sql)
  if (statement.reader) statement.raw(true)
  return {
    run: (...params) => patiently(() => void statement.run(...params)),
    get: (...params) => patiently(() => statement.get(...params) as SqlValue[] | undefined),
    all: (...params) => patiently(() => statement.all(...params) as SqlValue[][]),
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
