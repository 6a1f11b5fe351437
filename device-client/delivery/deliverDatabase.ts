/**
 * Takes part in a Delivery from the first word to the last: joins, fetches and exchanges segments until the file is whole
 * and in place, and serves its peers until the Delivery is over. Interrupted anywhere, the same call goes on (DV-1 to DV-6).
 */

import { base64url, type JWK } from 'jose'
import { formatPacketHeader } from '../../schemas/delivery/packetHeader.ts'
import { rangesOf } from '../../schemas/delivery/segmentRanges.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { DeliveryDevice, DeliveryJoining, DeliveryNews, DeliveryTicket } from '../../schemas/http/deliveries.ts'
import { rangeOf, type ZstdSegmentMap } from '../../schemas/restore/segmentMap.ts'
import { decodeUtf8, encodeUtf8 } from '../../schemas/utf8.ts'
import { type Exchange, exchangeSegments } from '../peers/exchangeSegments.ts'
import type { OpenPeerNetwork, PeerHost } from '../peers/peerNetwork.ts'
import type { Clock, Log, OpenZstdFrame, Random } from '../ports.ts'
import type { RestoreTarget } from '../restore/restoreTarget.ts'
import { verifySegmentMap } from '../restore/verifySegmentMap.ts'
import { step } from '../steps.ts'
import type { DeliveryCalls } from './deliveryCalls.ts'
import { fetchByLinks, type LinkFetching, type OpenedLink } from './fetchByLinks.ts'
import { type Following, followServer } from './followServer.ts'
import { createRun, isWhole, type Run } from './run.ts'
import { openShelf, type SealedShelf } from './sealedShelf.ts'
import { verifyDeliveryMap } from './verifyDeliveryMap.ts'

export interface DeliverParts {
  readonly calls: DeliveryCalls
  readonly deliveryId: string
  readonly target: RestoreTarget
  readonly openFrame: OpenZstdFrame
  readonly openPeers: OpenPeerNetwork
  readonly listen: readonly string[]
  readonly port: number
  readonly links: readonly OpenedLink[]
  /** What this device says of itself. */
  readonly about: Omit<DeliveryJoining, 'addresses' | 'held' | 'accountToken'>
  /** Keys this device knows its server by; at first use those of the ticket are taken. */
  readonly trustedKeys: readonly JWK[] | undefined
  /** The file took its name in an earlier run. */
  readonly isPlaced: boolean
  /** Notes durably that it did. */
  placed(): Promise<void>
  /** Answers a full-download query. */
  takesOver(lost: readonly string[]): Promise<boolean>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  onProgress(devices: readonly DeliveryDevice[]): void
  /** Resolves when the user ends it. */
  readonly stopped: Promise<void>
}

export interface Delivered {
  readonly phase: DeliveryNews['phase']
  /** The file is in place. */
  readonly isPlaced: boolean
  readonly database: string
  readonly sizeBytes: number
  readonly sha256: string
  readonly serverBytes: number
  readonly peerBytes: number
  /** When it began, and when the file was in place, milliseconds since 1970. */
  readonly beganAt: number | undefined
  readonly placedAt: number | undefined
  readonly signingKeys: readonly JWK[]
  readonly devices: readonly DeliveryDevice[]
}

/** @throws {CodedError} `delivery.*`, `integrity.mismatch`, `storage.*`, those of `RestoreTarget.replace`. */
export async function deliverDatabase(parts: DeliverParts): Promise<Delivered> {
  const { calls, deliveryId, target } = parts
  let host: PeerHost | undefined
  let ownId = ''
  // Peers may knock before this device knows who they are.
  const network = await parts.openPeers(
    {
      ownId: () => ownId,
      keyOf: (peerId) => host?.keyOf(peerId),
      answer: async (peerId, request) => host?.answer(peerId, request) ?? { status: 404, body: new Uint8Array() },
    },
    { listen: parts.listen, port: parts.port },
  )
  let shelf: SealedShelf | undefined
  try {
    const addresses = [...network.addresses]
    const kept = await readKeptTicket(parts)
    if (kept !== undefined) shelf = await shelfFor(kept, parts)
    const held = rangesOf(shelf?.held ?? []).map(([from, to]): [number, number] => [from, to])
    const ticket = await calls.join(deliveryId, { ...parts.about, addresses, held })
    ownId = ticket.peerId
    if (!ticket.dataTypes)
      throw new CodedError('config.invalid', 'by its order the Delivery brings nothing of this kind to this device')
    const trustedKeys = parts.trustedKeys ?? ticket.signingKeys
    const map = await mapOfTicket(ticket, trustedKeys)
    if (shelf === undefined) {
      await target.keepTicket(encodeUtf8(JSON.stringify({ wanted: wantedOf(parts), ticket })))
      step('ticket-kept')
      shelf = await shelfFor(ticket, parts)
    }
    const opened = shelf
    const run = createRun({
      ...{ deliveryId, deviceId: ticket.deviceId, map, clock: parts.clock, held: opened.held, counted: ticket },
      keep: (entry, sealed) => opened.keep(entry, sealed),
    })
    const takeMap = async (signed: string): Promise<void> => {
      const { segmentMap, serverId, deviceId } = ticket
      const plan = await verifyDeliveryMap(signed, { deliveryId, serverId, deviceId, segmentMap, trustedKeys })
      if (plan.revision <= (run.plan?.map.revision ?? 0)) return
      run.plan = { map: plan, signed }
      run.wake()
    }
    const exchange = exchangeSegments({
      ...{ run, network, log: parts.log, takeMap },
      read: (segment) => opened.read(segment),
      packetOf: (segment) =>
        formatPacketHeader({
          ...{ segment, set: map.imageId, server: ticket.serverId, position: rangeOf(map, segment).offset },
          ...{ made: map.createdAt, sent: parts.clock.now() },
        }),
    })
    host = { ownId: () => ownId, ...exchange }
    const fetching = fetchByLinks(run, parts.links, calls, parts.random, ticket)
    const following = followServer({ ...parts, run, fetching, exchange, takeMap, addresses, news: ticket.news })
    const work = { exchange, fetching, following }
    return await untilOver(parts, run, opened, ticket, trustedKeys, work)
  } finally {
    await network.close()
    await shelf?.close()
  }
}

interface Work {
  readonly exchange: Exchange
  readonly fetching: LinkFetching
  readonly following: Following
}

async function untilOver(
  parts: DeliverParts,
  run: Run,
  shelf: SealedShelf,
  ticket: DeliveryTicket,
  signingKeys: readonly JWK[],
  { exchange, fetching, following }: Work,
): Promise<Delivered> {
  let isStopped = false
  let isPlaced = parts.isPlaced
  let placedAt: number | undefined
  void parts.stopped.then(() => {
    isStopped = true
    run.wake()
  })
  const work = async (): Promise<void> => {
    while (!isStopped && !isEnded(run, isPlaced)) {
      if (isWhole(run) && !isPlaced) {
        await shelf.settle()
        await parts.placed()
        isPlaced = true
        placedAt = parts.clock.now()
        following.tell()
        continue
      }
      await run.changed(1000)
    }
  }
  try {
    // The others end with the run; before that only by a failure.
    await Promise.race([work(), exchange.done, ...[fetching.done, following.done].map(orFailure)])
  } finally {
    run.over = true
    run.wake()
  }
  // What is still on its way would write where everything is cleared away.
  if (!isPlaced) await Promise.allSettled([fetching.done])
  if (isStopped && !isEnded(run, isPlaced)) await parts.calls.leave(parts.deliveryId).catch(() => undefined)
  if (isEnded(run, isPlaced)) await parts.target.clear()
  const { sizeBytes, sha256 } = run.map
  return {
    ...{ phase: run.phase, isPlaced, database: ticket.database, sizeBytes, sha256, signingKeys },
    ...{ serverBytes: run.serverBytes, peerBytes: run.peerBytes, beganAt: following.beganAt(), placedAt },
    devices: following.devices(),
  }
}

/** Rejects as `work` does, and never resolves. */
async function orFailure(work: Promise<void>): Promise<never> {
  await work
  return new Promise<never>(() => undefined)
}

/** Complete with the file in place, or ended without. */
function isEnded({ phase }: Run, isPlaced: boolean): boolean {
  return phase === 'cancelled' || phase === 'failed' || (phase === 'complete' && isPlaced)
}

async function shelfFor(ticket: DeliveryTicket, parts: DeliverParts): Promise<SealedShelf> {
  const contentKey = base64url.decode(ticket.contentKey)
  if (contentKey.length !== 32) throw new CodedError('protocol.malformed', 'the content key has not 256 bits')
  const map = await mapOfTicket(ticket, parts.trustedKeys ?? ticket.signingKeys)
  return openShelf(map, parts.target, { contentKey, openFrame: parts.openFrame, isPlaced: parts.isPlaced })
}

async function mapOfTicket(ticket: DeliveryTicket, trustedKeys: readonly JWK[]): Promise<ZstdSegmentMap> {
  const map = await verifySegmentMap(ticket.segmentMap, trustedKeys)
  if (map.compression === 'zstd') return map
  throw new CodedError('protocol.malformed', 'the server delivers an image that was not asked for')
}

function wantedOf({ deliveryId }: DeliverParts): string {
  return `delivery ${deliveryId}`
}

async function readKeptTicket(parts: DeliverParts): Promise<DeliveryTicket | undefined> {
  const bytes = await parts.target.readTicket()
  if (bytes === undefined) return undefined
  try {
    const kept = JSON.parse(decodeUtf8(bytes) ?? '') as { wanted?: unknown; ticket?: DeliveryTicket }
    return kept.wanted === wantedOf(parts) ? kept.ticket : undefined
  } catch (cause) {
    // Written by us, whole or not at all: damaged since, and worth nothing without its text.
    if (cause instanceof SyntaxError) return undefined
    throw cause
  }
}
