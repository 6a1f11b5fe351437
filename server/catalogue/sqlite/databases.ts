/** Fills the port `Databases` from the catalogue's tables. */

import { wrappedWith } from '../../keys/keyRing.ts'
import type { DatabaseKey, DatabaseRow, Databases } from '../catalogue.ts'
import { compileOnce } from './compileOnce.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import type { DatabaseTable } from './tables.ts'

/** Databases listed in `db`. */
export function sqlDatabases(db: CatalogueDb): Databases {
  const select = compileOnce(db, (key: DatabaseKey) =>
    db
      .selectFrom('database')
      .selectAll()
      .where('accountId', '=', key.accountId)
      .where('deviceId', '=', key.deviceId)
      .where('name', '=', key.name),
  )
  const switchFrom = compileOnce(db, (row: DatabaseTable & { readonly fromCopyId: string }) =>
    db
      .updateTable('database')
      .set(contentOf(row))
      .where('accountId', '=', row.accountId)
      .where('deviceId', '=', row.deviceId)
      .where('name', '=', row.name)
      .where('copyId', '=', row.fromCopyId),
  )
  const moveWithin = compileOnce(db, (row: DatabaseTable) =>
    db
      .updateTable('database')
      .set(movedOf(row))
      .where('accountId', '=', row.accountId)
      .where('deviceId', '=', row.deviceId)
      .where('name', '=', row.name)
      .where('copyId', '=', row.copyId),
  )
  return {
    async get(key) {
      const [row] = (await select(key)).rows
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
      if (fromCopyId === undefined) {
        const { accountId, deviceId, name, ...rest } = toRow(row)
        const inserted = await db
          .insertInto('database')
          .values({ accountId, deviceId, name, ...rest })
          .onConflict((conflict) => conflict.columns(['accountId', 'deviceId', 'name']).doNothing())
          .executeTakeFirst()
        return inserted.numInsertedOrUpdatedRows === 1n
      }
      const written = row.copyId === fromCopyId ? moveWithin(toRow(row)) : switchFrom({ ...toRow(row), fromCopyId })
      return (await written).numAffectedRows === 1n
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
    async listKeys() {
      return await db
        .selectFrom('database')
        .select(['accountId', 'deviceId', 'name'])
        .orderBy('accountId')
        .orderBy('deviceId')
        .orderBy('name')
        .execute()
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

/** All but the key, one by one: they may be places for values. */
function contentOf(row: DatabaseTable): Omit<DatabaseTable, keyof DatabaseKey> {
  return { ...movedOf(row), copyId: row.copyId, wrappedKey: row.wrappedKey, keyedWith: row.keyedWith }
}

/** What changes while the copy stays. Its key is not written: it may have been wrapped anew meanwhile (KY-5). */
function movedOf(row: DatabaseTable): Omit<DatabaseTable, keyof DatabaseKey | 'copyId' | 'wrappedKey' | 'keyedWith'> {
  return {
    kind: row.kind,
    lineage: row.lineage,
    number: row.number,
    token: row.token,
    sizeBytes: row.sizeBytes,
    lastBackupAt: row.lastBackupAt,
    lastMode: row.lastMode,
    reason: row.reason,
    method: row.method,
    timeMachine: row.timeMachine,
    createdAt: row.createdAt,
  }
}

function toRow(row: DatabaseRow): DatabaseTable {
  const { reason = null, method = null, timeMachine = null } = row
  // Where it is written, the copy is a new one: its key is wrapped for the first time.
  return { ...row, reason, method, timeMachine, keyedWith: wrappedWith(row.wrappedKey) ?? '' }
}

function fromRow({ reason, method, timeMachine, keyedWith: _, ...row }: DatabaseTable): DatabaseRow {
  return {
    ...row,
    ...(reason !== null && { reason }),
    ...(method !== null && { method }),
    ...(timeMachine !== null && { timeMachine }),
  }
}
