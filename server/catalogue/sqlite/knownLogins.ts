/** Fills the port `KnownLogins` from the catalogue's tables. */

import type { KnownLogin, KnownLogins } from '../catalogue.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import type { KnownLoginTable } from './tables.ts'

/** Known logins kept in `db`. */
export function sqlKnownLogins(db: CatalogueDb): KnownLogins {
  return {
    async find(deviceId) {
      const rows = await db.selectFrom('knownLogin').selectAll().where('deviceId', '=', deviceId).execute()
      return rows.map(fromRow)
    },
    async put(login) {
      const { accountId, deviceId, ...rest } = toRow(login)
      await db
        .insertInto('knownLogin')
        .values({ accountId, deviceId, ...rest })
        .onConflict((conflict) => conflict.columns(['accountId', 'deviceId']).doUpdateSet(rest))
        .execute()
    },
    async touch(accountId, deviceId, { lastAccessAt, enabled, checkedAt }) {
      await db
        .updateTable('knownLogin')
        .set({
          lastAccessAt,
          ...(enabled === undefined ? {} : { enabled: enabled ? 1 : 0 }),
          ...(checkedAt === undefined ? {} : { checkedAt }),
        })
        .where('accountId', '=', accountId)
        .where('deviceId', '=', deviceId)
        .execute()
    },
    async remove(accountId, deviceId) {
      await db.deleteFrom('knownLogin').where('accountId', '=', accountId).where('deviceId', '=', deviceId).execute()
    },
  }
}

function toRow(login: KnownLogin): KnownLoginTable {
  return { ...login, enabled: login.enabled ? 1 : 0 }
}

function fromRow(row: KnownLoginTable): KnownLogin {
  return { ...row, enabled: row.enabled === 1 }
}
