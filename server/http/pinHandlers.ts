/** Handlers of the calls that pin restore points. A device pins its own, and nobody but the operator takes a pin back. */

import { CodedError } from '../../schemas/errors.ts'
import type { pinCalls } from '../../schemas/http/pins.ts'
import type { AccountService } from '../account/accountService.ts'
import { findAccount } from '../account/findAccount.ts'
import { describePoint } from '../restore/restorePoints.ts'
import type { Pinning } from '../timeMachine/pinning.ts'
import type { Handlers } from './handlers.ts'

export interface PinHandlerParts {
  readonly accountService: AccountService
  readonly pinning: Pinning
}

/** Handlers of the calls in `pinCalls`. */
export function pinHandlers({
  accountService,
  pinning,
}: PinHandlerParts): Pick<Required<Handlers>, keyof typeof pinCalls> {
  return {
    async pinPoint({ params: { deviceId, name, point }, body }, { claims }) {
      if (claims.deviceId !== undefined && claims.deviceId !== deviceId)
        throw new CodedError('auth.forbidden', 'a device pins points of its own databases')
      const order = { point, by: 'owner', reason: body.reason ?? '' } as const
      return describePoint(await pinning.pin({ accountId: claims.accountId, deviceId, name }, order))
    },
    async setAccountPin({ params, body }) {
      const { accountId } = await findAccount(accountService, params.name)
      const key = { accountId, deviceId: params.deviceId, name: params.database }
      const order = { point: params.point, by: 'operator', reason: body.reason ?? '' } as const
      return describePoint(body.pinned ? await pinning.pin(key, order) : await pinning.unpin(key, params.point))
    },
  }
}
