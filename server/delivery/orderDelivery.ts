/** Orders a Delivery, if it goes to devices that the account has (DL-22). */

import { CodedError } from '../../schemas/errors.ts'
import type { DeliveryOrder, DeliverySummary } from '../../schemas/http/deliveries.ts'
import type { AccountService } from '../account/accountService.ts'
import type { DeliveryService } from './deliveryService.ts'

/** @throws {CodedError} `device.unknown`, and as `DeliveryService.create`. */
export async function orderDelivery(
  parts: {
    readonly accountService: Pick<AccountService, 'listDevices'>
    readonly deliveries: Pick<DeliveryService, 'create'>
  },
  accountId: string,
  order: DeliveryOrder,
): Promise<DeliverySummary> {
  const known = new Set((await parts.accountService.listDevices(accountId)).map(({ deviceId }) => deviceId))
  const unknown = order.preferences.devices.find(({ deviceId }) => !known.has(deviceId))
  if (unknown !== undefined) throw new CodedError('device.unknown', `the account has no device ${unknown.deviceId}`)
  return parts.deliveries.create(accountId, order)
}
