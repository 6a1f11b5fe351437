/** The devices of the account store. */

import type { Kysely } from 'kysely'
import type { AccountStore, DeviceRow } from '../accountStore.ts'
import type { AccountTables } from './accountTables.ts'

type DevicePart = Pick<
  AccountStore,
  'addDevice' | 'getDevice' | 'findDevices' | 'listDevices' | 'setDeviceDisabled' | 'setDeviceFence'
>

/** Devices kept in `db`. */
export function deviceRows(db: Kysely<AccountTables>): DevicePart {
  return {
    async addDevice(row) {
      const inserted = await db
        .insertInto('device')
        .values(toRow(row))
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
    setDeviceDisabled: (accountId, deviceId, disabled) =>
      update(db, { accountId, deviceId }, { disabled: disabled ? 1 : 0 }, disabled),
    setDeviceFence: (accountId, deviceId, fence) =>
      update(db, { accountId, deviceId }, fenceColumns(fence), fence !== undefined),
  }
}

/** Changes one device; one that is stopped by it loses its refresh tokens. */
async function update(
  db: Kysely<AccountTables>,
  { accountId, deviceId }: Pick<DeviceRow, 'accountId' | 'deviceId'>,
  change: Partial<AccountTables['device']>,
  isStopped: boolean,
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const updated = await trx
      .updateTable('device')
      .set(change)
      .where('accountId', '=', accountId)
      .where('deviceId', '=', deviceId)
      .executeTakeFirst()
    if (isStopped)
      await trx.deleteFrom('refreshToken').where('accountId', '=', accountId).where('deviceId', '=', deviceId).execute()
    return updated.numUpdatedRows === 1n
  })
}

function fenceColumns(fence: DeviceRow['fence']): Pick<AccountTables['device'], 'fenceReason' | 'fencedAt'> {
  return { fenceReason: fence?.reason ?? null, fencedAt: fence?.since ?? null }
}

function toRow({ fence, ...row }: DeviceRow): AccountTables['device'] {
  return { ...row, ...fenceColumns(fence), ha1: row.ha1 ?? null, disabled: row.disabled ? 1 : 0 }
}

function fromRow(row: AccountTables['device']): DeviceRow {
  const { ha1, disabled, fenceReason, fencedAt, ...rest } = row
  return {
    ...rest,
    disabled: disabled === 1,
    ...(ha1 === null ? {} : { ha1 }),
    ...(fenceReason === null ? {} : { fence: { reason: fenceReason, since: fencedAt ?? 0 } }),
  }
}
