/** Handlers of the calls about quotas (QT-9): a caller reads its own, the operator all. */

import type { quotaCalls } from '../../schemas/http/quotas.ts'
import type { AccountService } from '../account/accountService.ts'
import { findAccount } from '../account/findAccount.ts'
import type { QuotaService } from '../quota/quotaService.ts'
import type { Handlers } from './handlers.ts'

export interface QuotaHandlerParts {
  readonly accountService: AccountService
  readonly quotas: Pick<QuotaService, 'report' | 'set'>
}

/** Handlers of the calls in `quotaCalls`. */
export function quotaHandlers({
  accountService,
  quotas,
}: QuotaHandlerParts): Pick<Required<Handlers>, keyof typeof quotaCalls> {
  return {
    readOwnQuota: (_input, { claims }) => quotas.report(claims.accountId, claims.deviceId),
    readQuota: async ({ params }) => quotas.report((await findAccount(accountService, params.name)).accountId),
    async setAccountQuota({ params, body }) {
      const { accountId } = await findAccount(accountService, params.name)
      await quotas.set({ accountId, deviceId: '' }, body)
      return undefined
    },
    async setDeviceQuota({ params, body }) {
      const { accountId } = await findAccount(accountService, params.name)
      await quotas.set({ accountId, deviceId: params.deviceId }, body)
      return undefined
    },
  }
}
