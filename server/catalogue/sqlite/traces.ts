/** Fills the port `Traces` from the catalogue's tables. */

import type { Traces } from '../../trace/traces.ts'
import { compileOnce } from './compileOnce.ts'
import type { CatalogueDb } from './openCatalogue.ts'

/** Traces kept in `db`. */
export function sqlTraces(db: CatalogueDb): Traces {
  const all = compileOnce(db, () => db.selectFrom('trace').selectAll())
  return {
    get: (accountId, deviceId) =>
      db
        .selectFrom('trace')
        .selectAll()
        .where('accountId', '=', accountId)
        .where('deviceId', '=', deviceId)
        .executeTakeFirst(),
    async put({ accountId, deviceId, since, until }) {
      await db
        .insertInto('trace')
        .values({ accountId, deviceId, since, until })
        .onConflict((conflict) => conflict.columns(['accountId', 'deviceId']).doUpdateSet({ since, until }))
        .execute()
    },
    list: async () => (await all({})).rows,
    async remove(accountId, deviceId) {
      await db.deleteFrom('trace').where('accountId', '=', accountId).where('deviceId', '=', deviceId).execute()
    },
  }
}
