/** Handlers of the calls that fence a device (ID-4). */

import type { fenceCalls } from '../../schemas/http/fences.ts'
import type { AccountService } from '../account/accountService.ts'
import { findAccount } from '../account/findAccount.ts'
import type { Handlers } from './handlers.ts'

/** Handlers of the calls in `fenceCalls`. `dismiss` ends what a fenced device shares with others (DL-22). */
export function fenceHandlers(
  service: AccountService,
  dismiss: (device: { readonly accountId: string; readonly deviceId: string }) => Promise<void>,
): Pick<Required<Handlers>, keyof typeof fenceCalls> {
  const setFence = async (accountId: string, deviceId: string, reason: string | null): Promise<undefined> => {
    await service.setDeviceFence(accountId, deviceId, reason)
    if (reason !== null) await dismiss({ accountId, deviceId })
    return undefined
  }
  return {
    setOwnFence: ({ params, body }, { claims }) => setFence(claims.accountId, params.deviceId, body.reason),
    setFence: async ({ params, body }) =>
      setFence((await findAccount(service, params.name)).accountId, params.deviceId, body.reason),
  }
}
