/**
 * Kysely over our SQLite port, so that one adapter opens, encrypts and closes every SQLite file of the server.
 * Integers come back as numbers: a catalogue holds times, sizes and counts, all below 2^53.
 */

import { Kysely, type SqliteDatabase, SqliteDialect, type SqliteStatement } from 'kysely'
import type { SqlDatabase, SqlStatement, SqlValue } from '../../sql/sqlDatabase.ts'

/** A query builder for `database`; destroying it closes the database. */
export function kyselyOver<Tables>(database: SqlDatabase): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database: driverOver(database) }) })
}

function driverOver(database: SqlDatabase): SqliteDatabase {
  return {
    // A deferred transaction that reads before it writes fails at once when another process wrote in between;
    // an immediate one waits for its turn.
    prepare: (sql) => statementOver(database.prepare(sql === 'begin' ? 'begin immediate' : sql)),
    close: () => database.close(),
  }
}

function statementOver(statement: SqlStatement): SqliteStatement {
  const columns = statement.columns()
  const toObject = (row: readonly SqlValue[]): Record<string, unknown> =>
    Object.fromEntries(columns.map((column, index) => [column, toPlain(row[index])]))
  return {
    reader: columns.length > 0,
    all: (parameters) => statement.all(...parameters.map(toSql)).map(toObject),
    run: (parameters) => ({ changes: statement.run(...parameters.map(toSql)), lastInsertRowid: 0n }),
    iterate: function* (parameters) {
      for (const row of statement.iterate(...parameters.map(toSql))) yield toObject(row)
    },
  }
}

function toPlain(value: SqlValue | undefined): unknown {
  if (typeof value !== 'bigint') return value ?? null
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function toSql(value: unknown): SqlValue {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
    return value
  if (value instanceof Uint8Array) return value
  throw new TypeError(`a ${typeof value} is not a value of SQL`)
}
