/** Handlers of the calls that fence a device (ID-4). */

import type { fenceCalls } from '../../schemas/http/fences.ts'
import type { AccountService } from '../account/accountService.ts'
import { findAccount } from '../account/findAccount.ts'
import type { Handlers } from './handlers.ts'

/** Handlers of the calls in `fenceCalls`. */
export function fenceHandlers(service: AccountService): Pick<Required<Handlers>, keyof typeof fenceCalls> {
  return {
    async setOwnFence({ params, body }, { claims }) {
      await service.setDeviceFence(claims.accountId, params.deviceId, body.reason)
      return undefined
    },
    async setFence({ params, body }) {
      const { accountId } = await findAccount(service, params.name)
      await service.setDeviceFence(accountId, params.deviceId, body.reason)
      return undefined
    },
  }
}
