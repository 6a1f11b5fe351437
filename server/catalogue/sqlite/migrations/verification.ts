/** Makes the table of what devices found when they compared. */

import type { Kysely } from 'kysely'

export async function createVerification(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('verification')
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('deviceId', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('verifiedAt', 'bigint', (column) => column.notNull())
    .addColumn('number', 'bigint', (column) => column.notNull())
    .addColumn('form', 'text', (column) => column.notNull())
    .addColumn('rows', 'bigint', (column) => column.notNull())
    .addColumn('tables', 'bigint', (column) => column.notNull())
    .addColumn('differences', 'bigint', (column) => column.notNull())
    .addColumn('repair', 'integer', (column) => column.notNull())
    .addColumn('completeAt', 'bigint')
    .addPrimaryKeyConstraint('verificationKey', ['accountId', 'deviceId', 'name'])
    .execute()
}
