/** Fills the port `Nonces` from the catalogue's tables. */

import { sql } from 'kysely'
import type { Nonces } from '../catalogue.ts'
import type { CatalogueDb } from './openCatalogue.ts'

/** Nonces kept in `db`. */
export function sqlNonces(db: CatalogueDb): Nonces {
  return {
    async read(deviceId) {
      const row = await db.selectFrom('nonce').selectAll().where('deviceId', '=', deviceId).executeTakeFirst()
      if (row === undefined) return undefined
      const current = decode(row.current)
      return row.previous === null ? { current } : { current, previous: decode(row.previous) }
    },
    async advance(deviceId, next, now) {
      const current = Buffer.from(next).toString('base64')
      await db
        .insertInto('nonce')
        .values({ deviceId, current, previous: null, givenAt: now })
        .onConflict((conflict) =>
          conflict
            .column('deviceId')
            .doUpdateSet({ current, previous: sql.ref<string>('nonce.current'), givenAt: now }),
        )
        .execute()
    },
    async forgetPrevious(deviceId) {
      await db.updateTable('nonce').set({ previous: null }).where('deviceId', '=', deviceId).execute()
    },
    async removeGivenBefore(time) {
      await db.deleteFrom('nonce').where('givenAt', '<', time).execute()
    },
  }
}

function decode(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'))
}
