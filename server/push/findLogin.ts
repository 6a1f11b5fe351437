/** The login a device is known by, whose secret the digest of its notifications is made with. */

import type { KnownLogins } from '../catalogue/catalogue.ts'
import type { DeviceKey } from './notifications.ts'

/** Undefined if the device never logged in here. */
export async function findLogin(knownLogins: Pick<KnownLogins, 'find'>, { accountId, deviceId }: DeviceKey) {
  return (await knownLogins.find(deviceId)).find((login) => login.accountId === accountId)
}
