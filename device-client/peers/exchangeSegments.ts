/**
 * Exchanges segments with the peers of a Delivery: data-waiting, validation by the server's map, comparison, request,
 * segment, SHA-256. Nobody is believed: what does not verify ends the exchange with who sent it; who stalls or vanishes is
 * tried less and less, at each of its addresses, and others bring what it had (DV-3, DV-5).
 */

import { type PacketHeader, parsePacketHeader } from '../../schemas/delivery/packetHeader.ts'
import { type DataWaiting, decodeDataWaiting, encodeDataWaiting } from '../../schemas/delivery/peerMessage.ts'
import { numbersOf, rangesOf } from '../../schemas/delivery/segmentRanges.ts'
import { CodedError } from '../../schemas/errors.ts'
import { fromHex } from '../../schemas/hex.ts'
import { MAX_REPORTED_RANGES } from '../../schemas/limits.ts'
import { decodeUtf8 } from '../../schemas/utf8.ts'
import { isOpen, type NamedPeer, type Run } from '../delivery/run.ts'
import type { Log } from '../ports.ts'
import { isListed } from '../restore/fetchSegments.ts'
import type { PeerListening, PeerReply, PeerRequest } from './peerNetwork.ts'

/** Segments asked of one peer at once. */
const PARALLEL = 4
/** Between two messages to a peer about what waits here: segments that come meanwhile go along. */
const GATHER_MS = 20
/** A peer that answered within this time is in reach. */
const REACHABLE_MS = 5000
const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 5000
const LOOK_MS = 500

export interface ExchangeParts {
  readonly run: Run
  readonly network: Pick<PeerListening, 'ask'>
  readonly log: Log
  /** A sealed segment that this device keeps. */
  read(segment: number): Promise<Uint8Array | undefined>
  /** Takes a map that a peer has; it is verified before anything else. @throws {CodedError} if it is none of this Delivery. */
  takeMap(signed: string): Promise<void>
  /** The packet header of a segment that goes out. */
  packetOf(segment: number): string
}

export interface Exchange {
  /** Begins with peers that are new, and ends with those that are not named any more. */
  follow(peers: readonly NamedPeer[]): void
  answer(peerId: string, request: PeerRequest): Promise<PeerReply>
  keyOf(peerId: string): Uint8Array | undefined
  /** Rejects with what must not happen, e.g. a full disk; never resolves. */
  readonly done: Promise<never>
}

interface Peer {
  named: NamedPeer
  readonly key: Uint8Array
  held: Set<number>
  /** Its map was one of this Delivery. */
  isValid: boolean
  validating: boolean
  /** Not named any more, or it lied. */
  dropped: boolean
  liar: boolean
  answeredAt: number
  /** By address: how fast it answered, octets per millisecond; undefined before the first answer. */
  readonly speeds: Map<string, number>
  readonly failedAt: Map<string, number>
}

export function exchangeSegments(parts: ExchangeParts): Exchange {
  const { run, log } = parts
  const peers = new Map<string, Peer>()
  let fail: (cause: unknown) => void = () => undefined
  const done = new Promise<never>((_, reject) => {
    fail = reject
  })
  const isThere = (peer: Peer): boolean => !run.over && !peer.dropped
  const drop = (peer: Peer, why: string): void => {
    if (peer.dropped) return
    peer.dropped = true
    peer.liar = true
    log.warn('a peer is not believed any more', { peer: peer.named.deviceId, why })
    countReachable()
  }
  const countReachable = (): void => {
    const now = run.clock.now()
    const near = [...peers.values()].filter((peer) => !peer.dropped && now - peer.answeredAt < REACHABLE_MS)
    run.reachable = near.length
  }
  const ask = async (peer: Peer, request: PeerRequest): Promise<PeerReply> => {
    const address = chooseAddress(peer, run.clock.now())
    if (address === undefined) throw new CodedError('network.unreachable', 'the peer has no address')
    const from = run.clock.now()
    try {
      const reply = await parts.network.ask({ address, peerId: peer.named.peerId, key: peer.key }, request)
      const now = run.clock.now()
      peer.answeredAt = now
      peer.failedAt.delete(address)
      if (request.what === 'segment') peer.speeds.set(address, reply.body.length / Math.max(1, now - from))
      else if (!peer.speeds.has(address)) peer.speeds.set(address, 0)
      countReachable()
      return reply
    } catch (cause) {
      peer.failedAt.set(address, run.clock.now())
      peer.speeds.delete(address)
      countReachable()
      throw cause
    }
  }
  const validate = async (peer: Peer): Promise<void> => {
    if (peer.validating) return
    peer.validating = true
    try {
      const reply = await ask(peer, { what: 'map' })
      if (reply.status !== 200) return
      await parts.takeMap(decodeUtf8(reply.body) ?? '')
      peer.isValid = true
      run.wake()
    } catch (cause) {
      if (isAway(cause)) return
      drop(peer, 'map')
    } finally {
      peer.validating = false
    }
  }
  const note = (peer: Peer, octets: Uint8Array): void => {
    const message = decodeDataWaiting(octets)
    if (message === undefined || !isOfRun(run, message)) {
      drop(peer, 'message')
      return
    }
    // A long list comes in parts.
    for (const number of numbersOf(message.held)) peer.held.add(number)
    const isNewer = message.revision > (run.plan?.map.revision ?? 0)
    if (message.revision > 0 && (!peer.isValid || isNewer)) void validate(peer)
    run.wake()
  }
  const announce = async (peer: Peer): Promise<void> => {
    let told = ''
    let pauseMs = FIRST_PAUSE_MS
    while (isThere(peer)) {
      const stamp = `${run.held.size} ${run.plan?.map.revision ?? 0}`
      const isFresh = run.clock.now() - peer.answeredAt < REACHABLE_MS / 2
      if (stamp === told && isFresh) {
        await run.changed(LOOK_MS)
        continue
      }
      try {
        const reply = await ask(peer, { what: 'waiting', body: waitingOf(run) })
        told = stamp
        pauseMs = FIRST_PAUSE_MS
        note(peer, reply.body)
        await run.clock.sleep(GATHER_MS)
      } catch (cause) {
        if (!isAway(cause)) throw cause
        await run.clock.sleep(pauseMs)
        pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs)
      }
    }
  }
  const fetchFrom = async (peer: Peer): Promise<void> => {
    while (isThere(peer)) {
      const number = peer.isValid ? nextFrom(run, peer) : undefined
      const entry = number === undefined ? undefined : run.map.segments[number]
      if (entry === undefined) {
        await run.changed(LOOK_MS)
        continue
      }
      run.taking.add(entry.number)
      try {
        const { status, body, packet } = await ask(peer, { what: 'segment', segment: entry.number })
        const said = parsePacketHeader(packet ?? null)
        if (status === 404) peer.held.delete(entry.number)
        else if (!isOfPacket(run, said, entry.number) || !(await isListed(body, entry))) drop(peer, 'segment')
        else await run.keep(entry, body, 'peer')
      } catch (cause) {
        if (!isAway(cause)) throw cause
        await run.clock.sleep(FIRST_PAUSE_MS)
      } finally {
        run.taking.delete(entry.number)
        run.wake()
      }
    }
  }
  return {
    follow: (named) => {
      for (const [peerId, peer] of peers)
        if (!named.some((each) => each.peerId === peerId)) {
          peer.dropped = true
          peers.delete(peerId)
        }
      for (const each of named) {
        const known = peers.get(each.peerId)
        if (known !== undefined) known.named = each
        else {
          const peer = newPeer(each)
          peers.set(each.peerId, peer)
          const tasks = [announce(peer), ...Array.from({ length: PARALLEL }, () => fetchFrom(peer))]
          for (const task of tasks) task.catch(fail)
        }
      }
      countReachable()
    },
    answer: async (peerId, request) => {
      const peer = peers.get(peerId)
      if (peer === undefined || peer.liar) return NOTHING
      switch (request.what) {
        case 'waiting':
          note(peer, request.body ?? new Uint8Array())
          return { status: 200, body: waitingOf(run) }
        case 'map':
          return run.plan === undefined ? NOTHING : { status: 200, body: encode(run.plan.signed) }
        case 'segment': {
          const segment = request.segment ?? -1
          const bytes = run.held.has(segment) ? await parts.read(segment) : undefined
          return bytes === undefined ? NOTHING : { status: 200, body: bytes, packet: parts.packetOf(segment) }
        }
      }
    },
    keyOf: (peerId) => peers.get(peerId)?.key,
    done,
  }
}

const NOTHING: PeerReply = { status: 404, body: new Uint8Array() }

function encode(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

function newPeer(named: NamedPeer): Peer {
  return {
    named,
    key: fromHex(named.key),
    ...{ held: new Set(), isValid: false, validating: false, dropped: false, liar: false, answeredAt: 0 },
    ...{ speeds: new Map(), failedAt: new Map() },
  }
}

/** One that was not tried yet, then the fastest; one that failed only when all did, the longest ago first. */
function chooseAddress({ named, speeds, failedAt }: Peer, now: number): string | undefined {
  const well = named.addresses.filter((address) => now - (failedAt.get(address) ?? 0) > LONGEST_PAUSE_MS)
  const untried = well.find((address) => !speeds.has(address))
  if (untried !== undefined) return untried
  const fastest = well.toSorted((a, b) => (speeds.get(b) ?? 0) - (speeds.get(a) ?? 0))[0]
  return fastest ?? named.addresses.toSorted((a, b) => (failedAt.get(a) ?? 0) - (failedAt.get(b) ?? 0))[0]
}

/** What waits here. Of a long list each message tells another part. */
function waitingOf(run: Run): Uint8Array {
  const ranges = rangesOf(run.held)
  const from = ranges.length <= MAX_REPORTED_RANGES ? 0 : run.clock.now() % (ranges.length - MAX_REPORTED_RANGES)
  return encodeDataWaiting({
    deliveryId: run.deliveryId,
    dataSetId: run.map.imageId,
    revision: run.plan?.map.revision ?? 0,
    held: ranges.slice(from, from + MAX_REPORTED_RANGES),
  })
}

function nextFrom(run: Run, peer: Peer): number | undefined {
  for (const number of peer.held) if (isOpen(run, number)) return number
  return undefined
}

function isOfRun(run: Run, { deliveryId, dataSetId }: DataWaiting): boolean {
  return deliveryId === run.deliveryId && dataSetId === run.map.imageId
}

function isOfPacket(run: Run, said: PacketHeader | undefined, segment: number): boolean {
  return said?.segment === segment && said.set === run.map.imageId && said.server === run.plan?.map.serverId
}

/** Away, or not as a peer answers: tried again later. */
function isAway(cause: unknown): boolean {
  return cause instanceof CodedError && cause.code === 'network.unreachable'
}
