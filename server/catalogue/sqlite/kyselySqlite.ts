/**
 * Kysely over our SQLite port, so that one adapter opens, encrypts and closes every SQLite file of the server.
 * Integers come back as numbers: a catalogue holds times, sizes and counts, all below 2^53.
 */

import { Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type { SqlDatabase } from '../../sql/sqlDatabase.ts'
import { createGroupCommitDriver } from './groupCommit.ts'

/** A query builder for `database`; destroying it closes the database. */
export function kyselyOver<Tables>(database: SqlDatabase): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => createGroupCommitDriver(database),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  })
}
