/** By which master key the key of each copy was first wrapped; empty for copies of before, of which nobody knows. */

import type { Kysely } from 'kysely'

export async function addKeyedWith(db: Kysely<unknown>): Promise<void> {
  for (const table of ['database', 'pastCopy'])
    await db.schema
      .alterTable(table)
      .addColumn('keyedWith', 'text', (column) => column.notNull().defaultTo(''))
      .execute()
}
