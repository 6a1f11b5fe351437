/** Handlers of the operator's calls, and of the description of the interface. */

import type { IssuedWakeUp, operatorCalls, PruneReport, WakeRequest } from '../../schemas/http/operator.ts'
import { findAccount } from '../account/findAccount.ts'
import type { Peer } from '../datastore/datastore.ts'
import type { DeviceKey } from '../push/notifications.ts'
import type { Tracer } from '../trace/tracer.ts'
import { type BackupHandlerParts, listSummaries } from './backupHandlers.ts'
import type { Handlers } from './handlers.ts'
import { openApiDocument } from './openApi.ts'

export interface OperatorHandlerParts extends BackupHandlerParts {
  /** Lets a device empty a datastore of Items, or be emptied by it, once. */
  allowEmpty(peer: Peer, datastore: string, allowed: boolean): Promise<void>
  /** Issues a notification for a device. @throws {CodedError} `device.unknown`, `auth.forbidden`. */
  wake(device: DeviceKey, request: WakeRequest): Promise<IssuedWakeUp>
  /** Drops the restore points that the policy does not keep, or says which those are. */
  prune(dryRun: boolean): Promise<PruneReport>
  readonly tracer: Pick<Tracer, 'set' | 'read'>
}

/** Handlers of the calls in `operatorCalls`. */
export function operatorHandlers(parts: OperatorHandlerParts): Pick<Required<Handlers>, keyof typeof operatorCalls> {
  const service = parts.accountService
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
      const account = await findAccount(service, params.name)
      await service.setDeviceDisabled(params.deviceId, body.disabled, account.accountId)
      return undefined
    },
    async listAccountDatabases({ params }) {
      const { accountId } = await findAccount(service, params.name)
      return { databases: await listSummaries(parts, accountId) }
    },
    async listAccountPoints({ params }) {
      const { accountId } = await findAccount(service, params.name)
      return { points: await parts.restores.listPoints(accountId, params.deviceId, params.database) }
    },
    prune: ({ body }) => parts.prune(body.dryRun),
    async allowEmpty({ params, body }) {
      const { accountId } = await findAccount(service, params.name)
      const peer = { accountId, accountName: params.name, deviceId: params.deviceId }
      await parts.allowEmpty(peer, params.datastore, body.allowed)
      return undefined
    },
    async wakeDevice({ params, body }) {
      const { accountId } = await findAccount(service, params.name)
      const { issuedAt, sessionId } = await parts.wake({ accountId, deviceId: params.deviceId }, body)
      return { issuedAt, sessionId }
    },
    async setTrace({ params, body }) {
      const { accountId } = await findAccount(service, params.name)
      const owner = { accountId, deviceId: params.deviceId }
      const { since, until } = await parts.tracer.set(owner, body.hours * 3_600_000)
      return { since, until }
    },
    async readTrace({ params }) {
      const { accountId } = await findAccount(service, params.name)
      return parts.tracer.read({ accountId, deviceId: params.deviceId })
    },
    openApi: async () => document,
  }
}
