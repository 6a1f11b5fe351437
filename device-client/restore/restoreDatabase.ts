/**
 * A restore from ticket to confirmation: verify the map, fetch what is missing, join, put in place, confirm
 * (RS-5 to RS-7). Interrupted anywhere, the same call goes on with what was verified before.
 */

import { base64url, type JWK } from 'jose'
import { CodedError } from '../../schemas/errors.ts'
import type { RestoreCompletion, RestoreTicket } from '../../schemas/http/backups.ts'
import type { GzipSegmentMap, SegmentCompression, SegmentMap } from '../../schemas/restore/segmentMap.ts'
import { decodeUtf8, encodeUtf8 } from '../../schemas/utf8.ts'
import type { Clock, Digest, Gzip, OpenZstdFrame } from '../ports.ts'
import { step } from '../steps.ts'
import { type FetchSegmentsOptions, fetchSegments, isListed } from './fetchSegments.ts'
import { joinSegments } from './joinSegments.ts'
import { createKeptSegments } from './keptSegments.ts'
import { placeRanges } from './placeRanges.ts'
import type { RestoreTarget } from './restoreTarget.ts'
import { verifySegmentMap } from './verifySegmentMap.ts'

/** The server's three calls of a restore. */
export interface RestoreCalls {
  /** An image in one of these compressions. */
  createRestore(compressions: readonly SegmentCompression[]): Promise<RestoreTicket>
  readSegment(restoreId: string, segment: number): Promise<Uint8Array>
  completeRestore(restoreId: string): Promise<RestoreCompletion>
}

export interface RestoreDatabaseOptions {
  readonly calls: RestoreCalls
  readonly target: RestoreTarget
  /** What is restored, e.g. database, source device and point: an interrupted restore of something else is dropped. */
  readonly wanted: string
  /** Keys this device knows its server by; at first use those of the ticket are taken, as the channel is trusted. */
  readonly trustedKeys?: readonly JWK[]
  readonly gzip: Gzip
  /** Absent on a platform without Zstandard: its images are gzip (RS-17). */
  readonly openFrame?: OpenZstdFrame
  /** The platform's own SHA-256; a portable one if absent. */
  readonly createDigest?: () => Digest
  readonly clock: Clock
  readonly onProgress?: (segmentsDone: number, segmentsTotal: number) => void
  /**
   * Makes the restored file this device's database; called with the position of its new life when the file is in
   * place, before the server is told; what it returns is called when the server has confirmed that life. Absent: the
   * file is only a look at the backup, and nothing is confirmed.
   */
  readonly adopt?: (position: RestoreCompletion) => () => void
}

export interface RestoredDatabase {
  /** The position the restored file begins its new life with (RS-7). */
  readonly position: RestoreCompletion
  /** Octets that came over the network now. */
  readonly bytesReceived: number
  readonly sizeBytes: number
  readonly sha256: string
  /** The keys the map was verified with: to be kept, so that the next restore trusts no others. */
  readonly signingKeys: readonly JWK[]
}

/**
 * Restores to `target`. When it resolves the file is in place and, if it was adopted, the server has confirmed its
 * new life.
 *
 * @throws {CodedError} what a call met; `integrity.mismatch` if anything differs from the map; those of
 *   {@link RestoreTarget.replace}. The target's name shows the old file then, or the new one if only the confirmation
 *   failed.
 */
export async function restoreDatabase(options: RestoreDatabaseOptions): Promise<RestoredDatabase> {
  const kept = await readKeptTicket(options)
  if (kept !== undefined) {
    try {
      return await restoreByTicket(kept, options)
    } catch (cause) {
      // The kept ticket has expired, or its image was damaged since: a new one is asked for.
      if (!(cause instanceof CodedError) || !WORTH_A_NEW_TICKET.has(cause.code)) throw cause
    }
  }
  const ticket = await options.calls.createRestore(opensRanges(options) ? ['zstd', 'gzip'] : ['gzip'])
  step('ticket')
  await options.target.keepTicket(encodeUtf8(JSON.stringify({ wanted: options.wanted, ticket })))
  step('ticket-kept')
  return await restoreByTicket(ticket, options)
}

const WORTH_A_NEW_TICKET = new Set(['restore.unknown', 'integrity.mismatch'])

function opensRanges({ openFrame, target }: RestoreDatabaseOptions): boolean {
  return openFrame !== undefined && target.openGrowing !== undefined
}

async function readKeptTicket(options: RestoreDatabaseOptions): Promise<RestoreTicket | undefined> {
  const bytes = await options.target.readTicket()
  if (bytes === undefined) return undefined
  try {
    const kept = JSON.parse(decodeUtf8(bytes) ?? '') as { wanted?: unknown; ticket?: RestoreTicket }
    return kept.wanted === options.wanted ? kept.ticket : undefined
  } catch (cause) {
    // Written by us, whole or not at all: damaged since, and worth nothing without its text.
    if (cause instanceof SyntaxError) return undefined
    throw cause
  }
}

async function restoreByTicket(ticket: RestoreTicket, options: RestoreDatabaseOptions): Promise<RestoredDatabase> {
  const { calls, target } = options
  const signingKeys = options.trustedKeys ?? ticket.signingKeys ?? []
  const map = await verifySegmentMap(ticket.segmentMap, signingKeys)
  const bytesReceived = await fetchIntoPlace(map, ticket, options)
  const position = { lineage: ticket.lineage, number: ticket.number, token: ticket.token }
  if (options.adopt) {
    step('adopt')
    const confirmed = options.adopt(position)
    step('adopted')
    await calls.completeRestore(ticket.restoreId)
    confirmed()
    step('confirmed')
  }
  await target.clear()
  step('cleared')
  return { position, bytesReceived, sizeBytes: map.sizeBytes, sha256: map.sha256, signingKeys }
}

async function fetchIntoPlace(
  map: SegmentMap,
  ticket: RestoreTicket,
  options: RestoreDatabaseOptions,
): Promise<number> {
  const { calls, target, clock, onProgress, openFrame } = options
  const contentKey = base64url.decode(ticket.contentKey)
  if (contentKey.length !== 32) throw new CodedError('protocol.malformed', 'the content key has not 256 bits')
  const fetching = {
    fetchSegment: (segment: number) => calls.readSegment(ticket.restoreId, segment),
    clock,
    ...(onProgress && { onProgress }),
  }
  if (map.compression === 'gzip') return await joinIntoPlace(map, contentKey, fetching, options)
  if (openFrame && target.openGrowing)
    return await placeRanges(map, await target.openGrowing(), { ...fetching, contentKey, openFrame })
  throw new CodedError('protocol.malformed', 'the server sent an image that was not asked for')
}

/** The plain file grows while segments arrive; it takes its name when all are there. */
async function joinIntoPlace(
  map: GzipSegmentMap,
  contentKey: Uint8Array,
  fetching: Pick<FetchSegmentsOptions, 'fetchSegment' | 'clock' | 'onProgress'>,
  { target, gzip, createDigest }: RestoreDatabaseOptions,
): Promise<number> {
  const kept = createKeptSegments()
  const fetchAll = fetchSegments(map, {
    ...fetching,
    isKept: async (entry) => {
      const held = await target.readSegment(entry.number)
      return held !== undefined && (await isListed(held, entry))
    },
    keep: ({ number }, sealed) => target.keepSegment(number, sealed),
    onKept: kept.add,
  }).catch((cause: unknown) => {
    kept.fail(cause)
    throw cause
  })
  const read = async (segment: number): Promise<Uint8Array | undefined> => {
    await kept.wait(segment)
    return target.readSegment(segment)
  }
  step('join')
  const placing = target.replace(joinSegments(map, contentKey, read, gzip, createDigest?.()))
  const [fetched, placed] = await Promise.allSettled([fetchAll, placing])
  if (fetched.status === 'rejected') throw fetched.reason
  if (placed.status === 'rejected') throw placed.reason
  return fetched.value
}
