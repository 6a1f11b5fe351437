/** Handlers of the calls by which devices compare, and of the operator's look at one copy. */

import type { verifyCalls } from '../../schemas/http/verify.ts'
import type { AccountService } from '../account/accountService.ts'
import { findAccount } from '../account/findAccount.ts'
import type { DatabaseKey } from '../catalogue/catalogue.ts'
import type { VerifiedCopy, VerifyService } from '../verify/verifications.ts'
import { deviceCaller, type Handlers } from './handlers.ts'

export interface VerifyHandlerParts {
  readonly accountService: AccountService
  readonly verify: VerifyService
  /** Proves a copy now. @throws {CodedError} `database.unknown`. */
  verifyNow(key: DatabaseKey): Promise<VerifiedCopy>
  readonly epoch: string
}

/** Handlers of the calls in `verifyCalls`. */
export function verifyHandlers(parts: VerifyHandlerParts): Pick<Required<Handlers>, keyof typeof verifyCalls> {
  const { verify, epoch } = parts
  return {
    readEpoch: async () => ({ epoch }),
    describeCopy: ({ params, query }, { claims }) =>
      verify.describe({ ...deviceCaller(claims), name: params.name }, query.objects === 'yes'),
    digestCopy: ({ params, body }, { claims }) => verify.digest({ ...deviceCaller(claims), name: params.name }, body),
    reportVerification: async ({ params, body }, { claims }) => {
      await verify.report({ ...deviceCaller(claims), name: params.name }, body)
      return undefined
    },
    verifyDatabase: async ({ params }) => {
      const { accountId } = await findAccount(parts.accountService, params.name)
      return parts.verifyNow({ accountId, deviceId: params.deviceId, name: params.database })
    },
  }
}
