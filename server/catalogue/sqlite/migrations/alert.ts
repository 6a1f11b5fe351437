/** States of databases that were told, alerts, and what ports still have to bring. */

import type { Kysely } from 'kysely'

export async function createAlert(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('health')
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('deviceId', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('since', 'bigint', (column) => column.notNull())
    .addColumn('failedAt', 'bigint')
    .addColumn('failureCode', 'text')
    .addPrimaryKeyConstraint('healthKey', ['accountId', 'deviceId', 'name'])
    .execute()
  await db.schema
    .createTable('alert')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('topic', 'text', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('alertByTopic').on('alert').columns(['topic', 'at']).execute()
  await db.schema
    .createTable('alertDelivery')
    .addColumn('port', 'text', (column) => column.notNull())
    .addColumn('alertId', 'text', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('dueAt', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('alertDeliveryKey', ['port', 'alertId'])
    .execute()
}
