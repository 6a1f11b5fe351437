/**
 * The server's REST calls that restores need, with the device's own token. Only what is used of an answer is checked.
 */

import { CodedError } from '../../schemas/errors.ts'
import type { RestoreCompletion, RestorePoint, RestoreTicket } from '../../schemas/http/backups.ts'
import type { DiffQuery, DiffReport } from '../../schemas/http/diff.ts'
import { fetchAccountToken } from '../accountToken.ts'
import type { AgentRecords } from '../agentRecords.ts'
import type { PointEntry } from '../deviceClient.ts'
import { openDeviceToken } from '../deviceToken.ts'
import type { Fetch } from '../ports.ts'
import { restCall, restOctets } from '../restCall.ts'
import type { RestoreCalls } from './restoreDatabase.ts'

/** One database as the server lists it. */
export interface ListedDatabase {
  readonly deviceId: string
  readonly deviceName: string
  readonly name: string
  /** `copy`: a set of files. */
  readonly method?: string
}

export interface ServerCalls {
  listDatabases(): Promise<readonly ListedDatabase[]>
  /** Newest first. */
  listPoints(deviceId: string, database: string): Promise<readonly PointEntry[]>
  /** @throws {CodedError} `restore.unknown`, `database.untrackable`. */
  diff(deviceId: string, database: string, query: DiffQuery): Promise<DiffReport>
  /** @throws {CodedError} `restore.unknown`, `pin.limited`. */
  pinPoint(deviceId: string, database: string, point: string, reason: string): Promise<PointEntry>
  restoreCalls(wanted: { database: string; fromDeviceId: string; point: string }): RestoreCalls
}

/**
 * With the account's `password` the copies of its other devices are in reach, too (ID-1).
 *
 * @throws {CodedError} `device.unknown` before `init`, `auth.*`, `network.unreachable`.
 */
export async function openServerCalls(
  ports: {
    readonly fetch: Fetch
    readonly records: AgentRecords
    readonly clock: { now(): number }
  },
  password?: string,
): Promise<ServerCalls> {
  const { server, read: token } = await openDeviceToken(ports)
  const { user } = await ports.records.identity()
  const accountToken =
    password === undefined ? undefined : await fetchAccountToken(ports.fetch, { server, user, password })
  const call = async (method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> =>
    restCall(ports.fetch, { server, method, path, token: await token(), ...(body === undefined ? {} : { body }) })
  const list = async (path: string): Promise<unknown> =>
    restCall(ports.fetch, { server, method: 'GET', path, token: accountToken ?? (await token()) })
  return {
    listDatabases: async () => listField<ListedDatabase>(await list('/api/v1/databases'), 'databases'),
    listPoints: async (device, database) => {
      const path = `/api/v1/databases/${encodeURIComponent(device)}/${encodeURIComponent(database)}/points`
      return listField<RestorePoint>(await list(path), 'points')
    },
    diff: async (device, database, query) => {
      const fields = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
      const path = `/api/v1/databases/${encodeURIComponent(device)}/${encodeURIComponent(database)}/diff`
      const answer = await call('GET', `${path}?${fields.join('&')}`)
      listField<unknown>(answer, 'tables')
      return answer as DiffReport
    },
    pinPoint: async (device, database, point, reason) => {
      const path = `/api/v1/databases/${encodeURIComponent(device)}/${encodeURIComponent(database)}/points/${point}/pin`
      return (await call('POST', path, { reason })) as RestorePoint
    },
    restoreCalls: (wanted) => ({
      createRestore: async (compressions) => {
        const body = { ...wanted, compressions, ...(accountToken !== undefined && { accountToken }) }
        return readTicket(await call('POST', '/api/v1/restores', body))
      },
      readSegment: async (restoreId, segment) =>
        restOctets(ports.fetch, {
          server,
          method: 'GET',
          path: `/api/v1/restores/${encodeURIComponent(restoreId)}/segments/${segment}`,
          token: await token(),
        }),
      completeRestore: async (restoreId) => {
        const path = `/api/v1/restores/${encodeURIComponent(restoreId)}/complete`
        return (await call('POST', path)) as RestoreCompletion
      },
    }),
  }
}

function listField<T>(answer: unknown, name: string): readonly T[] {
  const list = typeof answer === 'object' && answer !== null ? Reflect.get(answer, name) : undefined
  if (Array.isArray(list)) return list as T[]
  throw new CodedError('protocol.malformed', `the server's answer has no ${name}`)
}

function readTicket(answer: unknown): RestoreTicket {
  const ticket = answer as Partial<RestoreTicket>
  const texts = [ticket.restoreId, ticket.segmentMap, ticket.contentKey, ticket.lineage, ticket.token]
  if (texts.every((text) => typeof text === 'string') && typeof ticket.number === 'number')
    return ticket as RestoreTicket
  throw new CodedError('protocol.malformed', "the server's ticket is not complete")
}
