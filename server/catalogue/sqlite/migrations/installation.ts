/** Makes the table of what each device's installation is known by. */

import type { Kysely } from 'kysely'

export async function createInstallation(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('installation')
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('deviceId', 'text', (column) => column.notNull())
    .addColumn('value', 'text', (column) => column.notNull())
    .addColumn('acceptedAt', 'bigint', (column) => column.notNull())
    .addColumn('clonedAt', 'bigint')
    .addPrimaryKeyConstraint('installationKey', ['accountId', 'deviceId'])
    .execute()
}
