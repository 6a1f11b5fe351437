/** Makes the table of what was set for accounts (`deviceId` empty) and devices. */

import type { Kysely } from 'kysely'

export async function createQuota(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('quota')
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('deviceId', 'text', (column) => column.notNull())
    .addColumn('storedMb', 'bigint')
    .addColumn('databases', 'bigint')
    .addColumn('uploadMb', 'bigint')
    .addColumn('sessionsPerHour', 'bigint')
    .addPrimaryKeyConstraint('quotaKey', ['accountId', 'deviceId'])
    .execute()
}
