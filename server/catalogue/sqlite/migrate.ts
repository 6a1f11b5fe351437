/**
 * Brings the tables of a database up to date: a list of named steps, each run once, all missing ones in one
 * transaction that only one process can hold. Steps are appended, never changed.
 */

import { type Kysely, sql } from 'kysely'
import { CodedError } from '../../../schemas/errors.ts'

/** One step. `up` uses only what SQLite and PostgreSQL share. */
export interface Migration {
  readonly name: string
  // A step must not depend on the tables' present type: it speaks of what was there at its time.
  up(db: Kysely<unknown>): Promise<void>
}

interface MigrationTable {
  migration: { name: string; appliedAt: number }
}

/**
 * Runs the steps of `migrations` that were not run yet.
 *
 * @throws {CodedError} `config.invalid` if steps were run that this program does not know: it is too old for the data.
 */
export async function migrate<Tables>(db: Kysely<Tables>, migrations: readonly Migration[]): Promise<void> {
  await (db as unknown as Kysely<MigrationTable>).transaction().execute(async (trx) => {
    await sql`CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, "appliedAt" BIGINT NOT NULL)`.execute(trx)
    const rows = await trx.selectFrom('migration').select('name').execute()
    const applied = new Set(rows.map((row) => row.name))
    const known = new Set(migrations.map((migration) => migration.name))
    for (const name of applied)
      if (!known.has(name))
        throw new CodedError('config.invalid', `the data was written by a later version (${name})`, {
          next: 'Use that version or a newer one.',
        })
    for (const migration of migrations) {
      if (applied.has(migration.name)) continue
      await migration.up(trx as unknown as Kysely<unknown>)
      await trx.insertInto('migration').values({ name: migration.name, appliedAt: Date.now() }).execute()
    }
  })
}
