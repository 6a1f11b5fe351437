/** Fills the port `Pins` from the catalogue's tables. */

import type { PinRow, Pins } from '../pins.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import type { PinTable } from './tables.ts'

/** Pins listed in `db`. */
export function sqlPins(db: CatalogueDb): Pins {
  return {
    async list({ accountId, deviceId, name }) {
      const rows = await db
        .selectFrom('pin')
        .selectAll()
        .where('accountId', '=', accountId)
        .where('deviceId', '=', deviceId)
        .where('name', '=', name)
        .orderBy('pinnedAt', 'desc')
        .execute()
      return rows.map(fromRow)
    },
    async listAccount(accountId) {
      const rows = await db
        .selectFrom('pin')
        .selectAll()
        .where('accountId', '=', accountId)
        .orderBy('pinnedAt', 'desc')
        .execute()
      return rows.map(fromRow)
    },
    async put({ accountId, deviceId, name, token, releasedAt = null, ...rest }) {
      const content = { ...rest, releasedAt }
      await db
        .insertInto('pin')
        .values({ accountId, deviceId, name, token, ...content })
        .onConflict((conflict) => conflict.columns(['accountId', 'deviceId', 'name', 'token']).doUpdateSet(content))
        .execute()
    },
    async remove({ accountId, deviceId, name }, token) {
      await db
        .deleteFrom('pin')
        .where('accountId', '=', accountId)
        .where('deviceId', '=', deviceId)
        .where('name', '=', name)
        .where('token', '=', token)
        .execute()
    },
  }
}

function fromRow({ releasedAt, ...row }: PinTable): PinRow {
  return releasedAt === null ? row : { ...row, releasedAt }
}
