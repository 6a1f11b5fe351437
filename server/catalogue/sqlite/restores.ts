/** Fills the port `Restores` from the catalogue's tables. */

import type { RestoreRow, Restores } from '../catalogue.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import type { RestoreTable } from './tables.ts'

/** Restores kept in `db`. */
export function sqlRestores(db: CatalogueDb): Restores {
  return {
    async get(id) {
      const row = await db.selectFrom('restore').selectAll().where('id', '=', id).executeTakeFirst()
      return row && fromRow(row)
    },
    async put(row) {
      const { id, ...rest } = toRow(row)
      await db
        .insertInto('restore')
        .values({ id, ...rest })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(rest))
        .execute()
    },
    async markCompleted(id, completedAt) {
      await db.updateTable('restore').set({ completedAt }).where('id', '=', id).execute()
    },
    async listExpired(now) {
      const rows = await db.selectFrom('restore').selectAll().where('expiresAt', '<=', now).execute()
      return rows.map(fromRow)
    },
    async listImageIds() {
      const rows = await db.selectFrom('restore').select('imageId').distinct().execute()
      return rows.map((row) => row.imageId)
    },
    async remove(id) {
      await db.deleteFrom('restore').where('id', '=', id).execute()
    },
  }
}

function toRow(row: RestoreRow): RestoreTable {
  return { ...row, heldLineage: row.heldLineage ?? null, completedAt: row.completedAt ?? null }
}

function fromRow({ completedAt, heldLineage, ...row }: RestoreTable): RestoreRow {
  return { ...row, ...(heldLineage !== null && { heldLineage }), ...(completedAt !== null && { completedAt }) }
}
