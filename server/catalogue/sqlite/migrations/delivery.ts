/** Makes the table of Deliveries. */

import type { Kysely } from 'kysely'

export async function createDelivery(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('delivery')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('sourceDeviceId', 'text', (column) => column.notNull())
    .addColumn('database', 'text', (column) => column.notNull())
    .addColumn('imageId', 'text', (column) => column.notNull())
    .addColumn('wrappedContentKey', 'text', (column) => column.notNull())
    .addColumn('segmentMap', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('sizeBytes', 'bigint', (column) => column.notNull())
    .addColumn('sealedBytes', 'bigint', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('isOver', 'integer', (column) => column.notNull())
    .addColumn('steered', 'text')
    .addColumn('createdAt', 'bigint', (column) => column.notNull())
    .addColumn('expiresAt', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('deliveryByAccount').on('delivery').column('accountId').execute()
}
