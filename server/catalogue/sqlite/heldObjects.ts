/** Fills the session engine's port `HeldObjects` from the catalogue's tables. */

import type { HeldKey, HeldObject, HeldObjects } from '../../omads/heldObjects.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import type { HeldObjectTable } from './tables.ts'

/** Interrupted objects kept in `db`; their octets lie in the spool. */
export function sqlHeldObjects(db: CatalogueDb): HeldObjects {
  const columns = ({ accountId, deviceId, uri }: HeldKey) => ({ accountId, deviceId, uri })
  return {
    async find(key) {
      const row = await db
        .selectFrom('heldObject')
        .selectAll()
        .where('accountId', '=', key.accountId)
        .where('deviceId', '=', key.deviceId)
        .where('uri', '=', key.uri)
        .executeTakeFirst()
      return row && fromRow(row)
    },
    async keep({ receiving, completed, sent, heldAt, ...key }) {
      const object = JSON.stringify({ receiving, completed, sent })
      const held = { spoolId: receiving?.spoolId ?? '', object, heldAt }
      await db
        .insertInto('heldObject')
        .values({ ...columns(key), ...held })
        .onConflict((conflict) => conflict.columns(['accountId', 'deviceId', 'uri']).doUpdateSet(held))
        .execute()
    },
    async remove(key) {
      await db
        .deleteFrom('heldObject')
        .where('accountId', '=', key.accountId)
        .where('deviceId', '=', key.deviceId)
        .where('uri', '=', key.uri)
        .execute()
    },
    async removeSpool(spoolId) {
      await db.deleteFrom('heldObject').where('spoolId', '=', spoolId).execute()
    },
    list: async () => (await db.selectFrom('heldObject').selectAll().execute()).map(fromRow),
  }
}

function fromRow({ accountId, deviceId, uri, object, heldAt }: HeldObjectTable): HeldObject {
  const held = JSON.parse(object) as Pick<HeldObject, 'receiving' | 'completed' | 'sent'>
  return { accountId, deviceId, uri, ...held, heldAt }
}
