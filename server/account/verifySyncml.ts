/**
 * Checks a SyncML peer's credentials inside the account service: a device's own secret first, else an app password of
 * the account. A device that has a secret of its own comes in by that alone; any other device id is taken up as a
 * device of the account at its first login by an app password.
 */

import { deviceId as deviceIdField } from '../../schemas/http/fields.ts'
import { ACCOUNT_DEVICE } from '../catalogue/catalogue.ts'
import type { LoginResult, SyncmlCredentials } from './accountService.ts'
import type { AccountRow, AccountStore, DeviceRow } from './accountStore.ts'
import { matchingNonce, offeredUserName } from './syncmlCredential.ts'

/** Devices one account may have: taking them up on first login must not be without end. */
const MAX_DEVICES = 1000

/** @see AccountService.verifySyncml */
export async function verifySyncml(
  store: AccountStore,
  credentials: SyncmlCredentials,
  now: number,
): Promise<LoginResult> {
  const userName = offeredUserName(credentials)
  // MD5 peers that leave LocName out are found by their device id.
  const accounts = userName === '' ? await ownersOf(store, credentials.deviceId) : [await store.findAccount(userName)]
  let reason: 'unknown' | 'wrong' = 'unknown'
  for (const account of accounts) {
    if (account === undefined) continue
    reason = 'wrong'
    const device = await store.getDevice(account.accountId, credentials.deviceId)
    const ha1 = await findMatch(store, account, device, credentials)
    if (ha1 === undefined) continue
    if (account.disabled || device?.disabled || device?.fence) return { kind: 'refused', reason: 'disabled' }
    if (device === undefined && !(await takeUp(store, account, credentials.deviceId, now)))
      return { kind: 'refused', reason: 'wrong' }
    const { accountId, name } = account
    return { kind: 'accepted', login: { accountId, accountName: name, deviceId: credentials.deviceId, ha1 } }
  }
  return { kind: 'refused', reason }
}

async function findMatch(
  store: AccountStore,
  account: AccountRow,
  device: DeviceRow | undefined,
  credentials: SyncmlCredentials,
): Promise<string | undefined> {
  const kept = device?.ha1 === undefined ? await store.listAppPasswords(account.accountId) : [device.ha1]
  return kept.find((ha1) => matchingNonce(credentials, ha1) !== undefined)
}

async function takeUp(store: AccountStore, account: AccountRow, deviceId: string, now: number): Promise<boolean> {
  if (deviceId === ACCOUNT_DEVICE || !deviceIdField.safeParse(deviceId).success) return false
  const { accountId } = account
  if ((await store.listDevices(accountId)).length >= MAX_DEVICES) return false
  return store.addDevice({ accountId, deviceId, name: deviceId.slice(0, 128), createdAt: now, disabled: false })
}

async function ownersOf(store: AccountStore, deviceId: string): Promise<(AccountRow | undefined)[]> {
  const devices = await store.findDevices(deviceId)
  return Promise.all(devices.map((device) => store.getAccount(device.accountId)))
}
