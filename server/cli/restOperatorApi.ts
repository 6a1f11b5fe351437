/** The operator's interface on a server elsewhere, over its REST interface (`--server`, NIGHTFERRY_TOKEN). */

import { setTimeout as pause } from 'node:timers/promises'
import type { z } from 'zod'
import { CodedError, isErrorCode } from '../../schemas/errors.ts'
import { calls } from '../../schemas/http/api.ts'
import { formatPath, type HttpCall } from '../../schemas/http/call.ts'
import { type OperatorApi, toDeviceDatabase } from './operatorApi.ts'

/** Longest time for one call, in milliseconds; and for one that reads whole copies. */
const TIMEOUT_MS = 30_000
const LONG_TIMEOUT_MS = 600_000

/** How often progress is asked for, milliseconds. */
const AGAIN_MS = 500

const LONG_CALLS: ReadonlySet<HttpCall> = new Set([calls.diffAccountPoints, calls.createAccountDelivery])

type Params = Readonly<Record<string, string>>

/** Fills `OperatorApi` with calls to `server`, each with `token` as bearer. */
export function createRestOperatorApi(server: string, token: string): OperatorApi {
  const send = async (call: HttpCall, params: Params, body?: unknown, search = ''): Promise<unknown> => {
    const response = await request(`${server}${formatPath(call, params)}${search}`, call, token, body)
    const answer: unknown = response.status === 204 ? undefined : await response.json().catch(() => undefined)
    if (response.status !== call.status) throw problemOf(server, response.status, answer)
    return answer
  }
  const read = async <Reply extends z.ZodType>(
    call: HttpCall & { readonly reply: Reply },
    params: Params = {},
    body?: unknown,
    search?: string,
  ): Promise<z.infer<Reply>> => {
    const parsed = call.reply.safeParse(await send(call, params, body, search))
    if (parsed.success) return parsed.data
    throw foreignAnswer(server, 'an answer of another form')
  }
  return {
    addAccount: (name, password) => read(calls.addAccount, {}, { name, password }),
    listAccounts: async () => (await read(calls.listAccounts)).accounts,
    setAccountDisabled: async (name, disabled) => void (await send(calls.setAccountDisabled, { name }, { disabled })),
    createAppPassword: (name) => read(calls.addAppPassword, { name }),
    listDevices: async () => (await read(calls.listDevices)).devices,
    listDatabases: async ({ accountName, deviceId }) => {
      const { databases } = await read(calls.listAccountDatabases, { name: accountName })
      return databases.filter((database) => database.deviceId === deviceId).map(toDeviceDatabase)
    },
    allowEmpty: async ({ accountName, deviceId }, datastore, allowed) =>
      void (await send(calls.allowEmpty, { name: accountName, deviceId, datastore }, { allowed })),
    listDatastorePasswords: async (name) => (await read(calls.listDatastorePasswords, { name })).datastores,
    setDatastorePassword: async (name, datastore, password) =>
      void (await send(calls.setDatastorePassword, { name, datastore }, { password })),
    setServerPassword: async ({ accountName, deviceId }, password) =>
      (await read(calls.setServerPassword, { name: accountName, deviceId }, { password })).serverId,
    testAlerts: async () => (await read(calls.testAlerts)).ports,
    setFence: async ({ accountName, deviceId }, reason) =>
      void (await send(calls.setFence, { name: accountName, deviceId }, { reason })),
    wake: ({ accountName, deviceId }, request) => read(calls.wakeDevice, { name: accountName, deviceId }, request),
    setTrace: ({ accountName, deviceId }, hours) => read(calls.setTrace, { name: accountName, deviceId }, { hours }),
    readTrace: ({ accountName, deviceId }) => read(calls.readTrace, { name: accountName, deviceId }),
    readQuota: (name) => read(calls.readQuota, { name }),
    setQuota: async (name, deviceId, change) =>
      void (await (deviceId === undefined
        ? send(calls.setAccountQuota, { name }, change)
        : send(calls.setDeviceQuota, { name, deviceId }, change))),
    eraseAccount: (name) => read(calls.eraseAccount, { name }),
    listErasures: async () => (await read(calls.listErasures)).erasures,
    readKeys: () => read(calls.readKeys),
    rotateKeys: () => read(calls.rotateKeys),
    reencryptKeys: async (onProgress) => {
      let status = await read(calls.reencryptKeys)
      for (; status.reencryption.running; status = await read(calls.readKeys)) {
        onProgress(status.reencryption)
        await pause(AGAIN_MS)
      }
      return status
    },
    prune: (dryRun) => read(calls.prune, {}, { dryRun }),
    verify: ({ accountName, deviceId }, database) =>
      read(calls.verifyDatabase, { name: accountName, deviceId, database }),
    listPoints: async ({ accountName, deviceId }, database) =>
      (await read(calls.listAccountPoints, { name: accountName, deviceId, database })).points,
    diff: async ({ accountName, deviceId }, database, { table, limit, ...query }) => {
      const fields = { ...query, limit: String(limit), ...(table !== undefined && { table }) }
      const search = `?${new URLSearchParams(fields)}`
      return read(calls.diffAccountPoints, { name: accountName, deviceId, database }, undefined, search)
    },
    createDelivery: (name, order) => read(calls.createAccountDelivery, { name }, order),
    listDeliveries: async (name) => (await read(calls.listAccountDeliveries, { name })).deliveries,
    steerDelivery: (name, deliveryId, action) => read(calls.steerAccountDelivery, { name, deliveryId }, { action }),
    setPin: ({ accountName, deviceId }, database, { point, ...change }) =>
      read(calls.setAccountPin, { name: accountName, deviceId, database, point }, change),
  }
}

async function request(url: string, call: HttpCall, token: string, body: unknown): Promise<Response> {
  try {
    return await fetch(url, {
      method: call.method.toUpperCase(),
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(LONG_CALLS.has(call) ? LONG_TIMEOUT_MS : TIMEOUT_MS),
    })
  } catch (cause) {
    throw new CodedError('network.unreachable', `${new URL(url).origin} does not answer`, {
      cause,
      next: 'Check that the server runs and that --server is right.',
    })
  }
}

function problemOf(server: string, status: number, answer: unknown): CodedError {
  const problem = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<string, unknown>
  if (!isErrorCode(problem.code)) return foreignAnswer(server, `status ${status}`)
  const detail = typeof problem.detail === 'string' ? problem.detail : `the server answered ${problem.code}`
  return new CodedError(problem.code, detail, { fields: { status } })
}

function foreignAnswer(server: string, found: string): CodedError {
  return new CodedError('network.unreachable', `${server} does not answer as a Nightferry server does (${found})`, {
    next: 'Check the address given with --server.',
  })
}
