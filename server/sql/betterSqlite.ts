/**
 * Fills the SQLite port with better-sqlite3 in its encrypting build (SQLite3MC).
 * The only file of the server that imports it.
 */

import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import Database from 'better-sqlite3'
import { CodedError } from '../../schemas/errors.ts'
import type { Cipher, OpenOptions, SqlDatabase, SqlStatement, SqlValue } from './sqlDatabase.ts'

type Driver = InstanceType<typeof Database>

/** What every connection of ours is like. */
const OWN_PRAGMAS = [
  // Sorters and statement journals would spill plain rows into temporary files (BK-10).
  'temp_store=MEMORY',
  'trusted_schema=OFF',
  'cell_size_check=ON',
  'foreign_keys=OFF',
  'recursive_triggers=OFF',
]

/** Octets 20 to 23 of a database header: reserved octets of a page, and three numbers that are always the same. */
const AEGIS_RESERVED_AND_FRACTIONS = 0x40402020

/**
 * The path of a new database in memory, in one piece: `serialize` copies it once, and all of it goes back to the system
 * when it is closed. Pages of `:memory:` are allocated one by one and stay with the process.
 */
export const MEMORY_FILE = ':memory-file:'

/**
 * Opens a database file, `:memory:`, or a new database in memory that lies there as its file would.
 *
 * @throws {CodedError} `key.wrong` if the file does not open with this key, `storage.corrupt` for other damage,
 *   `storage.unavailable` if it is not there or cannot be opened.
 */
export function openDatabase(path: string, options: OpenOptions): SqlDatabase {
  const driver = openDriver(path, options)
  const files = new OpenFiles()
  try {
    driver.defaultSafeIntegers(true)
    // One text, compiled at once: a statement each would cost more than a small night's rows. Reading the schema is the
    // first use of the key: a wrong one shows here, not in the middle of the work.
    const pragmas = [...cipherPragmas(path, options.cipher, files), ...OWN_PRAGMAS, ...(options.pragmas ?? [])]
    driver.exec(`${pragmas.map((pragma) => `PRAGMA ${pragma};`).join('')}SELECT count(*) FROM sqlite_schema`)
  } catch (cause) {
    driver.close()
    files.release()
    throw translateOpenError(path, cause)
  }
  const database = wrap(driver, files)
  filesOf.set(database, files)
  return database
}

/**
 * Attaches another file with its own cipher. The name must be an identifier of ours.
 * @throws {CodedError} `storage.unavailable` if it is not there: SQLite would make an empty one.
 */
export function attach(database: SqlDatabase, path: string, name: string, cipher: Cipher): void {
  if (!existsSync(path))
    throw new CodedError('storage.unavailable', 'the database file is not there', { fields: { path } })
  const quoted = `'${path.replaceAll("'", "''")}'`
  if (cipher.kind === 'none') database.exec(`ATTACH ${quoted} AS ${name} KEY ''`)
  else {
    const { pragmas, keyLiteral } = formatOf(path, cipher, filesOf.get(database))
    for (const pragma of pragmas) database.pragma(pragma)
    database.exec(`ATTACH ${quoted} AS ${name} KEY ${keyLiteral}`)
  }
}

/**
 * Encrypts the open database at `path` anew, in its format; nobody else has it open, and it is not in WAL mode.
 * @throws {CodedError} `storage.corrupt`, `storage.full`, `storage.unavailable`; the file is of no use then.
 */
export function rekey(database: SqlDatabase, path: string, key: Uint8Array): void {
  const { keyLiteral } = formatOf(path, { kind: 'aegis', key }, filesOf.get(database))
  try {
    database.exec(`PRAGMA rekey=${keyLiteral}`)
  } catch (cause) {
    if ((cause as { code?: string }).code === 'SQLITE_FULL')
      throw new CodedError('storage.full', 'no space left for a database file', { cause, fields: { path } })
    throw translateOpenError(path, cause)
  }
}

function openDriver(path: string, options: OpenOptions): Driver {
  try {
    // An empty file of octets; the types know only the path.
    return new Database(path === MEMORY_FILE ? (Buffer.alloc(0) as unknown as string) : path, {
      readonly: options.readonly ?? false,
      fileMustExist: path !== ':memory:' && path !== MEMORY_FILE && !(options.create ?? false),
      timeout: options.busyTimeoutMs ?? 5000,
    })
  } catch (cause) {
    throw translateOpenError(path, cause)
  }
}

function cipherPragmas(path: string, cipher: Cipher, files: OpenFiles): string[] {
  if (cipher.kind === 'none') return []
  const { pragmas, keyLiteral } = formatOf(path, cipher, files)
  return [...pragmas, `key=${keyLiteral}`]
}

/** How SQLite3MC is told a format, and the key as SQL that goes with it. */
function formatOf(
  path: string,
  cipher: Exclude<Cipher, { kind: 'none' }>,
  files: OpenFiles | undefined,
): { pragmas: string[]; keyLiteral: string } {
  if (cipher.kind === 'aes256cbc') return { pragmas: ["cipher='aes256cbc'"], keyLiteral: `'${cipher.passphrase}'` }
  const hex = Buffer.from(cipher.key).toString('hex')
  const isOld = files === undefined ? isSqlcipher(path) : files.isOld(path)
  if (isOld) return { pragmas: ["cipher='sqlcipher'", 'legacy=4'], keyLiteral: `"x'${hex}'"` }
  return { pragmas: ["cipher='aegis'"], keyLiteral: `'raw:${hex}'` }
}

/** By path: how many connections of this process have the file open, and which format it has. */
const openHere = new Map<string, { connections: number; readonly isOld: boolean }>()
const filesOf = new WeakMap<SqlDatabase, OpenFiles>()

/**
 * The encrypted files of one connection. Whoever reads a header closes the file again, and with that a process gives up
 * all its locks on it, those of SQLite too: so a header is read only while no connection of ours has that file.
 */
class OpenFiles {
  readonly #paths = new Set<string>()

  /** Whether the file has the format before AEGIS; from now on it is one of this connection's. */
  isOld(path: string): boolean {
    const known = openHere.get(path) ?? { connections: 0, isOld: isSqlcipher(path) }
    if (!this.#paths.has(path)) known.connections++
    this.#paths.add(path)
    openHere.set(path, known)
    return known.isOld
  }

  release(): void {
    for (const path of this.#paths) {
      const known = openHere.get(path)
      if (known === undefined) continue
      known.connections--
      if (known.connections === 0) openHere.delete(path)
    }
    this.#paths.clear()
  }
}

/** True for a file of the format before AEGIS; its header has no octet in clear, that of AEGIS says 64 reserved ones. */
function isSqlcipher(path: string): boolean {
  const header = Buffer.alloc(24)
  try {
    const file = openSync(path, 'r')
    try {
      if (readSync(file, header, 0, header.length, 0) < header.length) return false
    } finally {
      closeSync(file)
    }
  } catch {
    // Not there yet, or not to be read: who opens it says so.
    return false
  }
  return header.readUInt32BE(20) !== AEGIS_RESERVED_AND_FRACTIONS
}

function wrap(driver: Driver, files: OpenFiles): SqlDatabase {
  const database: SqlDatabase = {
    get inTransaction() {
      return driver.inTransaction
    },
    exec: (sql) => void driver.exec(sql),
    prepare: (sql) => wrapStatement(driver, sql),
    transaction: (fn) => {
      driver.exec('BEGIN IMMEDIATE')
      try {
        const result = fn()
        driver.exec('COMMIT')
        return result
      } catch (cause) {
        if (driver.inTransaction) driver.exec('ROLLBACK')
        throw cause
      }
    },
    pragma: (text) => {
      const statement = driver.prepare(`PRAGMA ${text}`)
      if (!statement.reader) {
        statement.run()
        return null
      }
      const row = statement.raw(true).get() as SqlValue[] | undefined
      return row?.[0] ?? null
    },
    writableSchema: (on) => {
      driver.unsafeMode(on)
      driver.exec(`PRAGMA writable_schema=${on ? 'ON' : 'RESET'}`)
    },
    standInFunction: (name) => {
      // In a schema that is not trusted SQLite refuses the mere mention of an application's function.
      driver.pragma('trusted_schema=ON')
      driver.function(name, { varargs: true, deterministic: true }, () => {
        throw new CodedError('delta.unsupported', `function ${name} is not known here`)
      })
    },
    serialize: () => driver.serialize(),
    close: () => {
      driver.close()
      files.release()
    },
  }
  return database
}

function wrapStatement(driver: Driver, sql: string): SqlStatement {
  const statement = driver.prepare(sql)
  if (statement.reader) statement.raw(true)
  return {
    run: (...params) => statement.run(...params).changes,
    get: (...params) => statement.get(...params) as SqlValue[] | undefined,
    all: (...params) => statement.all(...params) as SqlValue[][],
    iterate: (...params) => statement.iterate(...params) as IterableIterator<SqlValue[]>,
    columns: () => (statement.reader ? statement.columns().map((column) => column.name) : []),
  }
}

function translateOpenError(path: string, cause: unknown): CodedError {
  const code = (cause as { code?: string }).code ?? ''
  const fields = { path, sqlite: code }
  if (code === 'SQLITE_NOTADB')
    return new CodedError('key.wrong', 'the file does not open with this key', { cause, fields })
  if (code.startsWith('SQLITE_CORRUPT'))
    return new CodedError('storage.corrupt', 'the database file is damaged', { cause, fields })
  return new CodedError('storage.unavailable', 'the database file cannot be opened', { cause, fields })
}
