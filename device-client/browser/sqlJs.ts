/**
 * The port to SQLite filled by sql.js: wherever native code is impossible (DC-25). The page owns the database; the
 * client borrows it. Runs in Node too, where the tests run it.
 */

import type { Database, SqlJsStatic, Statement } from 'sql.js'
import { CodedError } from '../../schemas/errors.ts'
import type { FileImage, FileImager, SqlDatabase, SqlOpener, SqlStatement, SqlValue } from '../ports.ts'
import { type BindingForm, bindingForm, boundValue, writePlaceholders } from './exactBinding.ts'

/** Forms of one statement that are kept prepared; more come only with odd mixtures of values. */
const KEPT_FORMS = 8

/** Where SQLite's file header holds the schema cookie, big-endian. */
const SCHEMA_COOKIE_OFFSET = 40

/** The types of sql.js do not know its option for exact integers. */
interface ExactStatement {
  get(params: null, config: { readonly useBigInt: true }): SqlValue[]
}

/** Opens databases that the page holds in memory, by the names it gave them. */
export function createSqlJsOpener(databases: ReadonlyMap<string, Database>): SqlOpener {
  return { open: (path) => wrapSqlJs(findDatabase(databases, path)) }
}

/** `database` as the port; `close` ends only what was prepared through it, the page keeps its database. */
export function wrapSqlJs(database: Database): SqlDatabase {
  const prepared = new Set<() => void>()
  return {
    exec: (sql) => void database.exec(sql),
    prepare: (sql) => {
      const statement = createStatement(database, sql)
      prepared.add(statement.free)
      return statement
    },
    close: () => {
      for (const free of prepared) free()
      prepared.clear()
    },
  }
}

/**
 * The octets of `database` as a file that goes on where it stands: sql.js copies by SQLite's backup, which begins the
 * schema cookie anew, and the observers could not tell what became of the schema in between (DC-26).
 */
export function exportDatabase(database: Database): Uint8Array {
  const octets = database.export()
  const cookie = Number(database.exec('PRAGMA schema_version')[0]?.values[0]?.[0] ?? 0)
  new DataView(octets.buffer, octets.byteOffset).setUint32(SCHEMA_COOKIE_OFFSET, cookie)
  return octets
}

/** Fills the port `FileImager`: images are copies in memory, without our own objects. */
export function createSqlJsImager(sqlJs: SqlJsStatic, databases: ReadonlyMap<string, Database>): FileImager {
  return { take: async (path) => takeSqlJsImage(sqlJs, findDatabase(databases, path)) }
}

function takeSqlJsImage(sqlJs: SqlJsStatic, database: Database): FileImage {
  const image = new sqlJs.Database(database.export())
  image.exec('PRAGMA secure_delete=ON; PRAGMA foreign_keys=OFF')
  const own = image.exec(
    `SELECT type, name FROM sqlite_schema WHERE type IN ('trigger','view','table')
     AND substr(name, 1, 12) = '_nightferry_' ORDER BY type = 'table', name`,
  )
  for (const [type, name] of own[0]?.values ?? []) {
    image.exec(`DROP ${type} "${String(name).replaceAll('"', '""')}"`)
  }
  const octets = image.export()
  return {
    sizeBytes: octets.length,
    // A database in memory has no journal file; as a file it would begin in rollback mode.
    journalMode: 'delete',
    open: () => wrapSqlJs(image),
    read: async function* () {
      yield octets
    },
    dispose: async () => image.close(),
  }
}

function findDatabase(databases: ReadonlyMap<string, Database>, path: string): Database {
  const database = databases.get(path)
  if (database !== undefined) return database
  throw new CodedError('database.unknown', `there is no database ${path} in this page`, { fields: { path } })
}

function createStatement(database: Database, sql: string): SqlStatement & { free(): void } {
  const forms = new Map<string, Statement>()
  // Prepared at once, so that a wrong statement is noticed here and not at its first use.
  forms.set('', database.prepare(sql))
  const statementFor = (params: readonly SqlValue[]): Statement => {
    const wanted = params.map(bindingForm)
    const key = wanted.every((form) => form === '?') ? '' : wanted.join('')
    const found = forms.get(key) ?? prepareForm(database, sql, wanted)
    // Moved to the end: the first is the one not used for longest.
    forms.delete(key)
    forms.set(key, found)
    if (forms.size > KEPT_FORMS) freeFirst(forms)
    if (params.length > 0) found.bind(params.map(boundValue))
    else found.reset()
    return found
  }
  function* iterate(...params: readonly SqlValue[]): Generator<SqlValue[]> {
    const statement = statementFor(params)
    try {
      while (statement.step()) yield readRow(statement)
    } finally {
      statement.reset()
    }
  }
  return {
    run: (...params) => {
      const statement = statementFor(params)
      try {
        while (statement.step());
      } finally {
        statement.reset()
      }
    },
    get: (...params) => {
      for (const row of iterate(...params)) return row
      return undefined
    },
    all: (...params) => [...iterate(...params)],
    iterate,
    free: () => {
      for (const statement of forms.values()) statement.free()
      forms.clear()
    },
  }
}

function prepareForm(database: Database, sql: string, forms: readonly BindingForm[]): Statement {
  return database.prepare(writePlaceholders(sql, forms))
}

function freeFirst(forms: Map<string, Statement>): void {
  for (const [key, statement] of forms) {
    statement.free()
    forms.delete(key)
    return
  }
}

function readRow(statement: Statement): SqlValue[] {
  return (statement as unknown as ExactStatement).get(null, { useBigInt: true })
}
