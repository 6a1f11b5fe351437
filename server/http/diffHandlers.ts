/** Handlers of the calls that compare restore points. A caller sees only what is in its reach (RS-8, ID-1). */

import type { diffCalls } from '../../schemas/http/diff.ts'
import type { AccountService } from '../account/accountService.ts'
import { findAccount } from '../account/findAccount.ts'
import { requireReach } from '../identity/reach.ts'
import type { DiffPoints } from '../timeMachine/diffs.ts'
import type { Handlers } from './handlers.ts'

export interface DiffHandlerParts {
  readonly accountService: AccountService
  readonly diff: DiffPoints
}

/** Handlers of the calls in `diffCalls`. */
export function diffHandlers({
  accountService,
  diff,
}: DiffHandlerParts): Pick<Required<Handlers>, keyof typeof diffCalls> {
  return {
    async diffPoints({ params: { deviceId, name }, query }, { claims }) {
      requireReach(claims, deviceId)
      return diff({ accountId: claims.accountId, deviceId, name }, query)
    },
    async diffAccountPoints({ params, query }) {
      const { accountId } = await findAccount(accountService, params.name)
      return diff({ accountId, deviceId: params.deviceId, name: params.database }, query)
    },
  }
}
