/** Fills the port `PastCopies` from the catalogue's tables. */

import type { PastCopies } from '../catalogue.ts'
import type { CatalogueDb } from './openCatalogue.ts'

/** Past copies listed in `db`. */
export function sqlPastCopies(db: CatalogueDb): PastCopies {
  return {
    async put(row) {
      const { copyId, ...rest } = row
      await db
        .insertInto('pastCopy')
        .values({ copyId, ...rest })
        .onConflict((conflict) => conflict.column('copyId').doUpdateSet(rest))
        .execute()
    },
    async list({ accountId, deviceId, name }) {
      return await db
        .selectFrom('pastCopy')
        .selectAll()
        .where('accountId', '=', accountId)
        .where('deviceId', '=', deviceId)
        .where('name', '=', name)
        .orderBy('endedAt', 'desc')
        .orderBy('number', 'desc')
        .execute()
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
