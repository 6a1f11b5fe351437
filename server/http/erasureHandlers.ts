/** Handlers of the calls that delete accounts (KY-11): by the operator, or by the owner with the account's password. */

import type { erasureCalls } from '../../schemas/http/erasures.ts'
import type { AccountService } from '../account/accountService.ts'
import type { FailureLimits } from '../account/failureLimits.ts'
import { findAccount } from '../account/findAccount.ts'
import type { AccountErasure } from '../erasure/eraseAccount.ts'
import type { Handlers } from './handlers.ts'

export interface ErasureHandlerParts {
  readonly accountService: AccountService
  readonly erasure: Pick<AccountErasure, 'erase' | 'list'>
  readonly limits: FailureLimits
}

/** Handlers of the calls in `erasureCalls`. */
export function erasureHandlers({
  accountService,
  erasure,
  limits,
}: ErasureHandlerParts): Pick<Required<Handlers>, keyof typeof erasureCalls> {
  return {
    async eraseAccount({ params }) {
      const { accountId, name } = await findAccount(accountService, params.name)
      return erasure.erase({ accountId, accountName: name })
    },
    async eraseOwnAccount({ body }, { claims: { accountId, accountName }, address }) {
      // A token alone, which may have been stolen, does not suffice.
      await limits.guard({ address, subject: `account:${accountName}` }, () =>
        accountService.login(accountName, body.password),
      )
      return erasure.erase({ accountId, accountName })
    },
    listErasures: async () => ({ erasures: await erasure.list() }),
  }
}
