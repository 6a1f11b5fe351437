/** Why a device that may do nothing is refused, for its user: fenced, with the reason, or disabled (ID-4). */

import { CodedError } from '../../schemas/errors.ts'
import type { AccountService, RegisteredDevice } from '../account/accountService.ts'

const NEXT = 'The owner ends the fence with the account\'s password, the operator with "nightferry device unfence".'

/** The error for a fenced device; with the device itself for one that proved to be it, and is not known otherwise. */
export function fencedError(reason: string, device: { accountId?: string; deviceId?: string } = {}): CodedError {
  return new CodedError('device.fenced', `this device is fenced: ${reason}`, { next: NEXT, fields: { ...device } })
}

/** The error for a holder of credentials who is known and not enabled. Never throws: what cannot be asked is disabled. */
export async function refusalFor(
  service: Pick<AccountService, 'listDevices'>,
  { accountId, deviceId }: { readonly accountId: string; readonly deviceId?: string },
): Promise<CodedError> {
  const devices: readonly RegisteredDevice[] = await service.listDevices(accountId).catch(() => [])
  const fence = devices.find((device) => device.deviceId === deviceId)?.fence
  if (fence !== undefined) return fencedError(fence.reason)
  return new CodedError('auth.forbidden', 'the account or device is disabled')
}
