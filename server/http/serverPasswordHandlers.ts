/** Handlers of the calls about what this server proves itself with (AC-15). */

import type { serverPasswordCalls } from '../../schemas/http/serverPasswords.ts'
import type { AccountService } from '../account/accountService.ts'
import { findAccount } from '../account/findAccount.ts'
import type { ServerPasswords } from '../account/serverPasswords.ts'
import type { Handlers } from './handlers.ts'

export interface ServerPasswordHandlerParts {
  readonly accountService: AccountService
  readonly passwords: Pick<ServerPasswords, 'set'>
  readonly serverId: string
}

/** Handlers of the calls in `serverPasswordCalls`. */
export function serverPasswordHandlers({
  accountService,
  passwords,
  serverId,
}: ServerPasswordHandlerParts): Pick<Required<Handlers>, keyof typeof serverPasswordCalls> {
  return {
    async setOwnServerPassword({ params: { deviceId }, body }, { claims }) {
      await passwords.set({ accountId: claims.accountId, deviceId }, body.password)
      return { serverId }
    },
    async setServerPassword({ params: { name, deviceId }, body }) {
      const { accountId } = await findAccount(accountService, name)
      await passwords.set({ accountId, deviceId }, body.password)
      return { serverId }
    },
  }
}
