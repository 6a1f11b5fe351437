/** The server's calls of a Delivery, with the device's own token. Only what is used of an answer is checked. */

import type { SegmentRanges } from '../../schemas/delivery/segmentRanges.ts'
import { CodedError } from '../../schemas/errors.ts'
import type {
  DeliveryJoining,
  DeliveryNews,
  DeliveryProgress,
  DeliverySummary,
  DeliveryTicket,
} from '../../schemas/http/deliveries.ts'
import { fetchAccountToken } from '../accountToken.ts'
import type { AgentRecords } from '../agentRecords.ts'
import { openDeviceToken } from '../deviceToken.ts'
import type { Fetch } from '../ports.ts'
import { restCall, restOctets } from '../restCall.ts'

/** What a device reports; its lists are only read. */
export type ReportedProgress = Omit<DeliveryProgress, 'held' | 'links' | 'inFlight' | 'addresses'> & {
  readonly held: SegmentRanges
  readonly links: readonly DeliveryProgress['links'][number][]
  readonly inFlight: readonly NonNullable<DeliveryProgress['inFlight']>[number][]
  readonly addresses: readonly string[]
}

export interface DeliveryCalls {
  list(): Promise<readonly DeliverySummary[]>
  /** @throws {CodedError} `delivery.unknown`, `delivery.ended`. */
  join(deliveryId: string, joining: Omit<DeliveryJoining, 'accountToken'>): Promise<DeliveryTicket>
  leave(deliveryId: string): Promise<void>
  report(deliveryId: string, progress: ReportedProgress): Promise<DeliveryNews>
  await(
    deliveryId: string,
    known: { readonly news: string; readonly revision: number; readonly waitS: number },
  ): Promise<DeliveryNews>
  /** One sealed segment over the link that `fetch` stands for; `onChunk` hears of octets as they come. */
  readSegment(
    fetch: Fetch,
    deliveryId: string,
    segment: number,
    onChunk: (sizeBytes: number) => void,
  ): Promise<{ readonly bytes: Uint8Array; readonly packet: string | null }>
}

/** With the account's `password` this device can join where it was not named. */
export async function openDeliveryCalls(
  ports: { readonly fetch: Fetch; readonly records: AgentRecords; readonly clock: { now(): number } },
  password?: string,
): Promise<DeliveryCalls> {
  const { server, read: token } = await openDeviceToken(ports)
  const { user } = await ports.records.identity()
  const accountToken =
    password === undefined ? undefined : await fetchAccountToken(ports.fetch, { server, user, password })
  const at = (deliveryId: string, what: string): string =>
    `/api/v1/deliveries/${encodeURIComponent(deliveryId)}/${what}`
  const call = async (method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> =>
    restCall(ports.fetch, { server, method, path, token: await token(), ...(body === undefined ? {} : { body }) })
  return {
    list: async () => {
      const { deliveries } = (await call('GET', '/api/v1/deliveries')) as { deliveries?: DeliverySummary[] }
      return checked(deliveries, Array.isArray(deliveries))
    },
    join: async (deliveryId, joining) => {
      const body = { ...joining, ...(accountToken !== undefined && { accountToken }) }
      const ticket = (await call('POST', at(deliveryId, 'join'), body)) as DeliveryTicket
      const texts = [ticket.deliveryId, ticket.segmentMap, ticket.contentKey, ticket.serverId, ticket.peerId]
      return checked(ticket, texts.every((text) => typeof text === 'string') && isNews(ticket.news))
    },
    leave: async (deliveryId) => {
      await restOctets(ports.fetch, { server, method: 'POST', path: at(deliveryId, 'leave'), token: await token() })
    },
    report: async (deliveryId, progress) => readNews(await call('POST', at(deliveryId, 'report'), progress)),
    await: async (deliveryId, { news, revision, waitS }) =>
      readNews(await call('GET', `${at(deliveryId, 'news')}?wait=${waitS}&news=${news}&revision=${revision}`)),
    readSegment: async (fetch, deliveryId, segment, onChunk) => {
      let packet: string | null = null
      const watched: Fetch = async (url, init) => {
        const reply = await fetch(url, { ...init, onChunk })
        packet = reply.header('nightferry-packet')
        return reply
      }
      const path = at(deliveryId, `segments/${segment}`)
      const bytes = await restOctets(watched, { server, method: 'GET', path, token: await token() })
      return { bytes, packet }
    },
  }
}

function readNews(answer: unknown): DeliveryNews {
  return checked(answer as DeliveryNews, isNews(answer))
}

function isNews(answer: unknown): boolean {
  const { phase, news, revision, peers } = (answer ?? {}) as Partial<DeliveryNews>
  const texts = [phase, news].every((text) => typeof text === 'string')
  return texts && Number.isInteger(revision) && Array.isArray(peers)
}

function checked<T>(value: T | undefined, isWell: boolean): T {
  if (isWell && value !== undefined) return value
  throw new CodedError('protocol.malformed', "the server's answer about a Delivery is not complete")
}
