/** Handlers of the operator's calls, and of the description of the interface. */

import { CodedError } from '../../schemas/errors.ts'
import type { operatorCalls } from '../../schemas/http/operator.ts'
import type { AccountService } from '../account/accountService.ts'
import type { Handlers } from './handlers.ts'
import { openApiDocument } from './openApi.ts'

/** Handlers of the calls in `operatorCalls`. */
export function operatorHandlers(service: AccountService): Pick<Required<Handlers>, keyof typeof operatorCalls> {
  const document = openApiDocument()
  return {
    listAccounts: async () => ({ accounts: await service.listAccounts() }),
    addAccount: ({ body }) => service.register(body.name, body.password),
    setAccountDisabled: async ({ params, body }) => {
      await service.setAccountDisabled(params.name, body.disabled)
      return undefined
    },
    addAppPassword: ({ params }) => service.createAppPassword(params.name),
    async listDevices() {
      const accounts = await service.listAccounts()
      const lists = await Promise.all(
        accounts.map(async ({ accountId, name }) =>
          (await service.listDevices(accountId)).map((device) => ({ ...device, accountName: name })),
        ),
      )
      return { devices: lists.flat() }
    },
    async setDeviceDisabled({ params, body }) {
      const name = params.name.toLowerCase()
      const account = (await service.listAccounts()).find((candidate) => candidate.name.toLowerCase() === name)
      if (account === undefined) throw new CodedError('account.unknown', `no account ${params.name}`)
      await service.setDeviceDisabled(params.deviceId, body.disabled, account.accountId)
      return undefined
    },
    openApi: async () => document,
  }
}
