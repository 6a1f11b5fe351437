/** Handlers of the calls about passwords of single datastores (AC-14). */

import type { datastoreCalls } from '../../schemas/http/datastores.ts'
import type { AccountService } from '../account/accountService.ts'
import type { DatastorePasswords } from '../account/datastorePasswords.ts'
import { findAccount } from '../account/findAccount.ts'
import type { Handlers } from './handlers.ts'

export interface DatastoreHandlerParts {
  readonly accountService: AccountService
  readonly passwords: Pick<DatastorePasswords, 'set' | 'list'>
}

/** Handlers of the calls in `datastoreCalls`. */
export function datastoreHandlers({
  accountService,
  passwords,
}: DatastoreHandlerParts): Pick<Required<Handlers>, keyof typeof datastoreCalls> {
  return {
    listOwnDatastorePasswords: async (_input, { claims }) => ({ datastores: await passwords.list(claims.accountId) }),
    async setOwnDatastorePassword({ params, body }, { claims }) {
      await passwords.set(claims, params.datastore, body.password)
      return undefined
    },
    async listDatastorePasswords({ params }) {
      const { accountId } = await findAccount(accountService, params.name)
      return { datastores: await passwords.list(accountId) }
    },
    async setDatastorePassword({ params, body }) {
      const { accountId, name } = await findAccount(accountService, params.name)
      await passwords.set({ accountId, accountName: name }, params.datastore, body.password)
      return undefined
    },
  }
}
