/** Fills the port `PastCopies` from the catalogue's tables. */

import { type RawBuilder, sql } from 'kysely'
import type { DatabaseKey, PastCopies } from '../catalogue.ts'
import type { CatalogueDb } from './openCatalogue.ts'

/** Past copies listed in `db`. */
export function sqlPastCopies(db: CatalogueDb): PastCopies {
  return {
    async put(row) {
      const { copyId, ...rest } = row
      await db
        .insertInto('pastCopy')
        .values({ copyId, ...rest, keyedWith: keyedLike(rest) })
        .onConflict((conflict) => conflict.column('copyId').doUpdateSet(rest))
        .execute()
    },
    async list({ accountId, deviceId, name }) {
      const rows = await db
        .selectFrom('pastCopy')
        .selectAll()
        .where('accountId', '=', accountId)
        .where('deviceId', '=', deviceId)
        .where('name', '=', name)
        .orderBy('endedAt', 'desc')
        .orderBy('number', 'desc')
        .execute()
      return rows.map(({ keyedWith: _, ...row }) => row)
    },
    async listCopyIds() {
      const rows = await db.selectFrom('pastCopy').select('copyId').execute()
      return rows.map((row) => row.copyId)
    },
    async remove(copyId) {
      await db.deleteFrom('pastCopy').where('copyId', '=', copyId).execute()
      await db.deleteFrom('pastProof').where('copyId', '=', copyId).execute()
    },
  }
}

/** What is put aside is the copy of now, or a second file of it: its key is as old. */
function keyedLike({ accountId, deviceId, name }: DatabaseKey): RawBuilder<string> {
  return sql<string>`coalesce((SELECT "keyedWith" FROM "database"
    WHERE "accountId" = ${accountId} AND "deviceId" = ${deviceId} AND "name" = ${name}), '')`
}
