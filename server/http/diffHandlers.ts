/** Handlers of the calls that compare restore points. A caller sees only its own account (RS-8). */

import type { diffCalls } from '../../schemas/http/diff.ts'
import type { AccountService } from '../account/accountService.ts'
import { findAccount } from '../account/findAccount.ts'
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
    diffPoints: ({ params: { deviceId, name }, query }, { claims }) =>
      diff({ accountId: claims.accountId, deviceId, name }, query),
    async diffAccountPoints({ params, query }) {
      const { accountId } = await findAccount(accountService, params.name)
      return diff({ accountId, deviceId: params.deviceId, name: params.database }, query)
    },
  }
}
