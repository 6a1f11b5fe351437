/** Fills the port `Deliveries` from the catalogue's tables. */

import type { Deliveries, DeliveryRow } from '../deliveries.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import type { DeliveryTable } from './tables.ts'

/** Deliveries kept in `db`. */
export function sqlDeliveries(db: CatalogueDb): Deliveries {
  return {
    async get(id) {
      const row = await db.selectFrom('delivery').selectAll().where('id', '=', id).executeTakeFirst()
      return row && fromRow(row)
    },
    async put({ isOver, ...row }) {
      await db
        .insertInto('delivery')
        .values({ ...row, isOver: isOver ? 1 : 0 })
        .execute()
    },
    async setState(id, { state, isOver }) {
      await db
        .updateTable('delivery')
        .set({ state, isOver: isOver ? 1 : 0 })
        .where('id', '=', id)
        .execute()
    },
    async setSteered(id, steered) {
      await db.updateTable('delivery').set({ steered }).where('id', '=', id).execute()
    },
    async listSteered() {
      const rows = await db.selectFrom('delivery').select(['id', 'steered']).where('steered', 'is not', null).execute()
      return rows.map(({ id, steered }) => ({ id, steered: steered as DeliveryRow['steered'] }))
    },
    async list(accountId) {
      const rows = await db
        .selectFrom('delivery')
        .selectAll()
        .where('accountId', '=', accountId)
        .orderBy('createdAt', 'desc')
        .execute()
      return rows.map(fromRow)
    },
    async listOpen() {
      return (await db.selectFrom('delivery').select('id').where('isOver', '=', 0).execute()).map(({ id }) => id)
    },
    async listExpired(now) {
      return db.selectFrom('delivery').select(['id', 'imageId']).where('expiresAt', '<=', now).execute()
    },
    async listImageIds() {
      return (await db.selectFrom('delivery').select('imageId').execute()).map(({ imageId }) => imageId)
    },
    async remove(id) {
      await db.deleteFrom('delivery').where('id', '=', id).execute()
    },
  }
}

function fromRow({ isOver, steered, ...row }: DeliveryTable): DeliveryRow {
  return { ...row, isOver: isOver !== 0, steered: steered as DeliveryRow['steered'] }
}
