/** Fills the port `Databases` from the catalogue's tables. */

import type { DatabaseRow, Databases } from '../catalogue.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import type { DatabaseTable } from './tables.ts'

/** Databases listed in `db`. */
export function sqlDatabases(db: CatalogueDb): Databases {
  return {
    async get({ accountId, deviceId, name }) {
      const row = await db
        .selectFrom('database')
        .selectAll()
        .where('accountId', '=', accountId)
        .where('deviceId', '=', deviceId)
        .where('name', '=', name)
        .executeTakeFirst()
      return row && fromRow(row)
    },
    async put(row) {
      const { accountId, deviceId, name, ...rest } = toRow(row)
      await db
        .insertInto('database')
        .values({ accountId, deviceId, name, ...rest })
        .onConflict((conflict) => conflict.columns(['accountId', 'deviceId', 'name']).doUpdateSet(rest))
        .execute()
    },
    async oldestBackupAt() {
      const row = await db
        .selectFrom('database')
        .select((fields) => fields.fn.min('lastBackupAt').as('oldest'))
        .executeTakeFirst()
      return row?.oldest === null || row?.oldest === undefined ? undefined : Number(row.oldest)
    },
    async switchCopy(row, fromCopyId) {
      const { accountId, deviceId, name, ...rest } = toRow(row)
      if (fromCopyId === undefined) {
        const inserted = await db
          .insertInto('database')
          .values({ accountId, deviceId, name, ...rest })
          .onConflict((conflict) => conflict.columns(['accountId', 'deviceId', 'name']).doNothing())
          .executeTakeFirst()
        return inserted.numInsertedOrUpdatedRows === 1n
      }
      const updated = await db
        .updateTable('database')
        .set(rest)
        .where('accountId', '=', accountId)
        .where('deviceId', '=', deviceId)
        .where('name', '=', name)
        .where('copyId', '=', fromCopyId)
        .executeTakeFirst()
      return updated.numUpdatedRows === 1n
    },
    async list(accountId) {
      const rows = await db
        .selectFrom('database')
        .selectAll()
        .where('accountId', '=', accountId)
        .orderBy('deviceId')
        .orderBy('name')
        .execute()
      return rows.map(fromRow)
    },
    async listCopyIds() {
      const rows = await db.selectFrom('database').select('copyId').execute()
      return rows.map((row) => row.copyId)
    },
    async remove({ accountId, deviceId, name }) {
      await db
        .deleteFrom('database')
        .where('accountId', '=', accountId)
        .where('deviceId', '=', deviceId)
        .where('name', '=', name)
        .execute()
    },
  }
}

function toRow(row: DatabaseRow): DatabaseTable {
  return { ...row, reason: row.reason ?? null }
}

function fromRow({ reason, ...row }: DatabaseTable): DatabaseRow {
  return reason === null ? row : { ...row, reason }
}
