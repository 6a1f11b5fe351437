/**
 * Kysely over our SQLite port, so that one adapter opens, encrypts and closes every SQLite file of the server.
 * Integers come back as numbers: a catalogue holds times, sizes and counts, all below 2^53.
 */

import { Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type { SqlDatabase } from '../../sql/sqlDatabase.ts'
import { createGroupCommitDriver } from './groupCommit.ts'

/** Kysely would let one statement after the other through; the driver sees to it that many can wait together. */
class SharedAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

/** A query builder for `database`; destroying it closes the database. */
export function kyselyOver<Tables>(database: SqlDatabase): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SharedAdapter(),
      createDriver: () => createGroupCommitDriver(database),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  })
}
