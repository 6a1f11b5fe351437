/** How each database is backed up, as its device said last: null before a backup could say it. */

import type { Kysely } from 'kysely'

export async function addBackupChoice(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('database').addColumn('method', 'text').execute()
  await db.schema.alterTable('database').addColumn('timeMachine', 'text').execute()
}
