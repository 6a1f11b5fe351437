/** What is known of copies that were put aside: whether they can still be restored (RS-19). */

import type { Kysely } from 'kysely'

export async function createPastProof(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('pastProof')
    .addColumn('copyId', 'text', (column) => column.primaryKey())
    .addColumn('checkedAt', 'bigint', (column) => column.notNull())
    .addColumn('failure', 'text')
    .execute()
}
