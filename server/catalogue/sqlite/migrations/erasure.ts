/** Accounts that were deleted, with their receipts. */

import type { Kysely } from 'kysely'

/** The account's id is `subject` here: no table with an `accountId` keeps a row of it (KY-12). */
export async function createErasure(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('erasure')
    .addColumn('subject', 'text', (column) => column.primaryKey())
    .addColumn('accountName', 'text', (column) => column.notNull())
    .addColumn('startedAt', 'bigint', (column) => column.notNull())
    .addColumn('devices', 'integer', (column) => column.notNull())
    .addColumn('files', 'text', (column) => column.notNull())
    .addColumn('facts', 'text', (column) => column.notNull())
    .addColumn('endedAt', 'bigint')
    .addColumn('receipt', 'text')
    .execute()
}
