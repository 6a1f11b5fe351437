/** Fills the port `OwnLoginStore` from the catalogue's tables. */

import type { OwnLoginStore } from '../catalogue.ts'
import { compileOnce } from './compileOnce.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import type { OwnLoginTable } from './tables.ts'

/** What this server proves itself with, kept in `db`. */
export function sqlOwnLogins(db: CatalogueDb): OwnLoginStore {
  const select = compileOnce(db, ({ accountId, deviceId }: Pick<OwnLoginTable, 'accountId' | 'deviceId'>) =>
    db.selectFrom('ownLogin').selectAll().where('accountId', '=', accountId).where('deviceId', '=', deviceId),
  )
  return {
    async find(accountId, deviceId) {
      const [row] = (await select({ accountId, deviceId })).rows
      return row
    },
    async put({ accountId, deviceId, ...rest }) {
      await db
        .insertInto('ownLogin')
        .values({ accountId, deviceId, ...rest })
        .onConflict((conflict) => conflict.columns(['accountId', 'deviceId']).doUpdateSet(rest))
        .execute()
    },
    async setNonce(accountId, deviceId, nonce) {
      await db
        .updateTable('ownLogin')
        .set({ nonce })
        .where('accountId', '=', accountId)
        .where('deviceId', '=', deviceId)
        .execute()
    },
    async remove(accountId, deviceId) {
      await db.deleteFrom('ownLogin').where('accountId', '=', accountId).where('deviceId', '=', deviceId).execute()
    },
  }
}
