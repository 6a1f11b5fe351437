/** Handler of the call that says which installation of a device goes on (ID-9). */

import { CodedError } from '../../schemas/errors.ts'
import type { installationCalls } from '../../schemas/http/installation.ts'
import type { AccountService } from '../account/accountService.ts'
import type { InstallationCare } from '../identity/installationCare.ts'
import type { Handlers } from './handlers.ts'

/** Handlers of the calls in `installationCalls`. */
export function installationHandlers(
  accountService: Pick<AccountService, 'listDevices'>,
  care: Pick<InstallationCare, 'claim'>,
): Pick<Required<Handlers>, keyof typeof installationCalls> {
  return {
    async claimInstallation({ params: { deviceId }, body }, { claims: { accountId } }) {
      const devices = await accountService.listDevices(accountId)
      if (!devices.some((device) => device.deviceId === deviceId))
        throw new CodedError('device.unknown', 'the account has no such device')
      await care.claim({ accountId, deviceId }, body.value)
      return undefined
    },
  }
}
