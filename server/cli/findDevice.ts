/** Which device an operator means. */

import { CodedError } from '../../schemas/errors.ts'
import type { AccountDevice, OperatorApi } from './operatorApi.ts'

/**
 * The device with this id, or with this name, or `account/name`.
 *
 * @throws {CodedError} `device.unknown`; `config.invalid` if several accounts have a device of that name.
 */
export async function findDevice(api: OperatorApi, wanted: string): Promise<AccountDevice> {
  const devices = await api.listDevices()
  const byId = devices.find((device) => device.deviceId === wanted)
  if (byId !== undefined) return byId
  const named = devices.filter((device) => device.name === wanted || `${device.accountName}/${device.name}` === wanted)
  const [found] = named
  if (found === undefined) {
    throw new CodedError('device.unknown', `there is no device ${wanted}`, {
      next: 'Run "nightferry device list" to see ids and names.',
    })
  }
  if (named.length === 1) return found
  throw new CodedError('config.invalid', `several accounts have a device ${wanted}`, {
    next: `Name it as ${found.accountName}/${found.name}, or by its id.`,
  })
}
