/** The devices of the account store. */

import type { Kysely } from 'kysely'
import type { AccountStore, DeviceRow } from '../accountStore.ts'
import type { AccountTables } from './accountTables.ts'

type DevicePart = Pick<AccountStore, 'addDevice' | 'getDevice' | 'findDevices' | 'listDevices' | 'setDeviceDisabled'>

/** Devices kept in `db`. */
export function deviceRows(db: Kysely<AccountTables>): DevicePart {
  return {
    async addDevice(row) {
      const inserted = await db
        .insertInto('device')
        .values({ ...row, ha1: row.ha1 ?? null, disabled: row.disabled ? 1 : 0 })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return inserted.numInsertedOrUpdatedRows === 1n
    },
    async getDevice(accountId, deviceId) {
      const row = await db
        .selectFrom('device')
        .selectAll()
        .where('accountId', '=', accountId)
        .where('deviceId', '=', deviceId)
        .executeTakeFirst()
      return row && fromRow(row)
    },
    async findDevices(deviceId) {
      return (await db.selectFrom('device').selectAll().where('deviceId', '=', deviceId).execute()).map(fromRow)
    },
    async listDevices(accountId) {
      const rows = await db
        .selectFrom('device')
        .selectAll()
        .where('accountId', '=', accountId)
        .orderBy('name')
        .execute()
      return rows.map(fromRow)
    },
    async setDeviceDisabled(accountId, deviceId, disabled) {
      return db.transaction().execute(async (trx) => {
        const updated = await trx
          .updateTable('device')
          .set({ disabled: disabled ? 1 : 0 })
          .where('accountId', '=', accountId)
          .where('deviceId', '=', deviceId)
          .executeTakeFirst()
        if (disabled)
          await trx
            .deleteFrom('refreshToken')
            .where('accountId', '=', accountId)
            .where('deviceId', '=', deviceId)
            .execute()
        return updated.numUpdatedRows === 1n
      })
    },
  }
}

function fromRow(row: AccountTables['device']): DeviceRow {
  const { ha1, disabled, ...rest } = row
  return { ...rest, disabled: disabled === 1, ...(ha1 === null ? {} : { ha1 }) }
}
