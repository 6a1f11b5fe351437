/** Pinned restore points. */

import type { Kysely } from 'kysely'

export async function createPin(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('pin')
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('deviceId', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('token', 'text', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('pinnedBy', 'text', (column) => column.notNull())
    .addColumn('pinnedAt', 'bigint', (column) => column.notNull())
    .addColumn('releasedAt', 'bigint')
    .addPrimaryKeyConstraint('pinKey', ['accountId', 'deviceId', 'name', 'token'])
    .execute()
}
