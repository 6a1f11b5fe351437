/** Handlers of `/accounts/internal/*`: the port `AccountService` for a backup server in another process (AC-7). */

import type { accountInternalCalls } from '../../schemas/http/accountsInternal.ts'
import type { AccountService } from '../account/accountService.ts'
import type { Handlers } from './handlers.ts'

/** Handlers of the calls in `accountInternalCalls`. */
export function accountInternalHandlers(
  service: AccountService,
): Pick<Required<Handlers>, keyof typeof accountInternalCalls> {
  return {
    internalRegister: ({ body }) => service.register(body.name, body.password),
    internalLogin: ({ body }) => service.login(body.name, body.password),
    internalRefresh: ({ body }) => service.refresh(body.refreshToken),
    internalRegisterDevice: ({ body }) => service.registerDevice(body.accountId, body.name, body.deviceId),
    internalLoginDevice: ({ body }) => service.loginDevice(body.deviceId, body.secret),
    internalCreateAppPassword: ({ body }) => service.createAppPassword(body.accountName),
    internalSetAccountDisabled: async ({ body }) => {
      await service.setAccountDisabled(body.name, body.disabled)
      return undefined
    },
    internalSetDeviceDisabled: async ({ body }) => {
      await service.setDeviceDisabled(body.deviceId, body.disabled, body.accountId)
      return undefined
    },
    internalSetDeviceFence: async ({ body }) => {
      await service.setDeviceFence(body.accountId, body.deviceId, body.reason)
      return undefined
    },
    internalRemoveAccount: async ({ body }) => {
      await service.removeAccount(body.accountId)
      return undefined
    },
    internalListAccounts: async () => ({ accounts: await service.listAccounts() }),
    internalListDevices: async ({ body }) => ({ devices: await service.listDevices(body.accountId) }),
    internalVerify: ({ body: { data, nonces, ...rest } }) =>
      service.verifySyncml({ ...rest, data: octets(data), nonces: nonces.map(octets) }),
    internalEnabled: async ({ body }) => ({ enabled: await service.isEnabled(body.accountId, body.deviceId) }),
  }
}

function octets(base64: string): Uint8Array {
  return Buffer.from(base64, 'base64')
}
