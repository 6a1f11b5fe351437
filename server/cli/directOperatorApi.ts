/** The operator's interface on a server that was opened in this process (`--data`). */

import { findAccount } from '../account/findAccount.ts'
import { orderDelivery } from '../delivery/orderDelivery.ts'
import { describeProof } from '../restore/proofs.ts'
import { describePoint } from '../restore/restorePoints.ts'
import { describeGuard, newestGuards } from '../timeMachine/pinning.ts'
import { describeVerification } from '../verify/verifications.ts'
import type { OpenedServer } from './openedServer.ts'
import { type OperatorApi, toDeviceDatabase } from './operatorApi.ts'

/** Fills `OperatorApi` with the parts of `server`. */
export function createDirectOperatorApi(server: OpenedServer): OperatorApi {
  const { accounts } = server
  const accountIdOf = async (name: string) => (await findAccount(accounts, name)).accountId
  return {
    addAccount: (name, password) => accounts.register(name, password),
    listAccounts: () => accounts.listAccounts(),
    setAccountDisabled: (name, disabled) => accounts.setAccountDisabled(name, disabled),
    createAppPassword: (name) => accounts.createAppPassword(name),
    listDevices: async () => {
      const lists = []
      for (const { accountId, name } of await accounts.listAccounts()) {
        const devices = await accounts.listDevices(accountId)
        lists.push(devices.map((device) => ({ ...device, accountName: name })))
      }
      return lists.flat()
    },
    listDatabases: async ({ accountName, deviceId }) => {
      const accountId = await accountIdOf(accountName)
      const proofs = (await server.proofs.list(accountId)).filter((proof) => proof.deviceId === deviceId)
      const compared = (await server.verifications.list(accountId)).filter((row) => row.deviceId === deviceId)
      const rows = (await server.databases.list(accountId)).filter((row) => row.deviceId === deviceId)
      const guards = newestGuards(await server.pins.listAccount(accountId))
      const judge = await server.healthOf(accountId)
      return rows.map((row) => {
        const verification = compared.find(({ name }) => name === row.name)
        return toDeviceDatabase({
          ...row,
          health: judge(row, proofs.find(({ name }) => name === row.name)?.failure),
          ...describeProof(proofs.find(({ name }) => name === row.name)),
          ...describeGuard(guards.get(`${deviceId}/${row.name}`)),
          ...(verification && { verification: describeVerification(verification) }),
        })
      })
    },
    allowEmpty: async ({ accountName, deviceId }, datastore, allowed) =>
      server.allowEmpty({ accountId: await accountIdOf(accountName), accountName, deviceId }, datastore, allowed),
    listDatastorePasswords: async (name) => server.datastorePasswords.list(await accountIdOf(name)),
    setDatastorePassword: async (name, datastore, password) => {
      const account = await findAccount(accounts, name)
      await server.datastorePasswords.set({ ...account, accountName: account.name }, datastore, password)
    },
    setServerPassword: async ({ accountName, deviceId }, password) => {
      await server.serverPasswords.set({ accountId: await accountIdOf(accountName), deviceId }, password)
      return server.serverId
    },
    testAlerts: () => server.testAlerts(),
    setFence: async ({ accountName, deviceId }, reason) =>
      accounts.setDeviceFence(await accountIdOf(accountName), deviceId, reason),
    wake: async ({ accountName, deviceId }, request) => {
      const { issuedAt, sessionId } = await server.wake(
        { accountId: await accountIdOf(accountName), deviceId },
        request,
      )
      return { issuedAt, sessionId }
    },
    setTrace: async ({ accountName, deviceId }, hours) => {
      const owner = { accountId: await accountIdOf(accountName), deviceId }
      const { since, until } = await server.tracer.set(owner, hours * 3_600_000)
      return { since, until }
    },
    readTrace: async ({ accountName, deviceId }) =>
      server.tracer.read({ accountId: await accountIdOf(accountName), deviceId }),
    readQuota: async (name) => server.quotas.report(await accountIdOf(name)),
    setQuota: async (name, deviceId = '', change) =>
      server.quotas.set({ accountId: await accountIdOf(name), deviceId }, change),
    prune: (dryRun) => server.prune(dryRun),
    eraseAccount: async (given) => {
      const { accountId, name } = await findAccount(accounts, given)
      return server.erasure.erase({ accountId, accountName: name })
    },
    listErasures: () => server.erasure.list(),
    readKeys: () => server.keyCare.status(),
    rotateKeys: () => server.keyCare.rotate(true),
    reencryptKeys: (onProgress) => server.keyCare.reencrypt(onProgress),
    verify: async ({ accountName, deviceId }, name) =>
      server.verify({ accountId: await accountIdOf(accountName), deviceId, name }),
    listPoints: async ({ accountName, deviceId }, database) =>
      server.listPoints(await accountIdOf(accountName), deviceId, database),
    diff: async ({ accountName, deviceId }, name, query) =>
      server.diff({ accountId: await accountIdOf(accountName), deviceId, name }, query),
    createDelivery: async (name, order) => {
      const parts = { accountService: accounts, deliveries: server.deliveries }
      return orderDelivery(parts, await accountIdOf(name), order)
    },
    listDeliveries: async (name) => server.deliveries.list(await accountIdOf(name)),
    steerDelivery: async (name, deliveryId, action) =>
      server.deliveries.steer(await accountIdOf(name), deliveryId, action),
    setPin: async ({ accountName, deviceId }, name, { point, pinned, reason = '' }) => {
      const key = { accountId: await accountIdOf(accountName), deviceId, name }
      const { pinning } = server
      return describePoint(
        pinned ? await pinning.pin(key, { point, reason, by: 'operator' }) : await pinning.unpin(key, point),
      )
    },
  }
}
