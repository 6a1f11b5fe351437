/** Fills the port `Quotas` from the catalogue's tables. */

import type { Quotas } from '../quotas.ts'
import type { CatalogueDb } from './openCatalogue.ts'

/** Quotas kept in `db`. */
export function sqlQuotas(db: CatalogueDb): Quotas {
  return {
    list: (accountId) => db.selectFrom('quota').selectAll().where('accountId', '=', accountId).execute(),
    async put({ accountId, deviceId, ...limits }) {
      await db
        .insertInto('quota')
        .values({ accountId, deviceId, ...limits })
        .onConflict((conflict) => conflict.columns(['accountId', 'deviceId']).doUpdateSet(limits))
        .execute()
    },
    listDatabases: (accountId) =>
      db.selectFrom('database').select(['deviceId', 'name', 'sizeBytes']).where('accountId', '=', accountId).execute(),
    listPastCopies: (accountId) =>
      db
        .selectFrom('pastCopy')
        .select(['deviceId', 'copyId', 'sizeBytes'])
        .where('accountId', '=', accountId)
        .execute(),
  }
}
