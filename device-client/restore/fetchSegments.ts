/**
 * Fetches what the map lists and the target does not have yet, a few segments at a time; each is verified before it
 * is kept (RS-5, RS-6). A cut connection costs the segments that were on their way.
 */

import { CodedError } from '../../schemas/errors.ts'
import type { SegmentEntry, SegmentMap } from '../../schemas/restore/segmentMap.ts'
import type { Clock } from '../ports.ts'
import { step } from '../steps.ts'
import { digestHex } from './webCrypto.ts'

export interface FetchSegmentsOptions {
  /** One sealed segment from the server. */
  readonly fetchSegment: (segment: number) => Promise<Uint8Array>
  /** True if an earlier try left it, as it was. */
  readonly isKept: (entry: SegmentEntry) => Promise<boolean>
  /** Takes a verified segment. */
  readonly keep: (entry: SegmentEntry, sealed: Uint8Array) => Promise<void>
  readonly clock: Clock
  /** Segments on their way at the same time; 3 by default. */
  readonly parallel?: number
  /** Tries per segment before giving up; 5 by default. */
  readonly tries?: number
  readonly onProgress?: (segmentsDone: number, segmentsTotal: number) => void
  /** Told when a segment is kept. */
  readonly onKept?: (segment: number) => void
}

const DEFAULT_PARALLEL = 3
const DEFAULT_TRIES = 5
const FIRST_PAUSE_MS = 250
/** What may go well another time: the network, a server that restarts, octets damaged on their way. */
const WORTH_A_RETRY = new Set(['network.unreachable', 'storage.unavailable', 'integrity.mismatch'])

/**
 * All segments of `map` are kept when it resolves.
 * @returns octets that came over the network.
 * @throws {CodedError} what the last try met; `integrity.mismatch` if a segment is not the listed one.
 */
export async function fetchSegments(map: SegmentMap, options: FetchSegmentsOptions): Promise<number> {
  const waiting = map.segments.values()
  const total = map.segments.length
  let done = 0
  let bytesReceived = 0
  let failed = false
  const work = async (): Promise<void> => {
    for (const entry of waiting) {
      // The first failure ends the others as soon as their segment is through.
      if (failed) return
      try {
        const receivedBytes = await ensureSegment(entry, options)
        // Read after the wait: others count meanwhile.
        bytesReceived += receivedBytes
        options.onKept?.(entry.number)
      } catch (cause) {
        failed = true
        throw cause
      }
      done += 1
      options.onProgress?.(done, total)
    }
  }
  const workers = Array.from({ length: Math.min(options.parallel ?? DEFAULT_PARALLEL, total) }, work)
  const failure = (await Promise.allSettled(workers)).find((outcome) => outcome.status === 'rejected')
  if (failure !== undefined) throw failure.reason
  return bytesReceived
}

/** True if `sealed` is the segment that the map lists. */
export async function isListed(sealed: Uint8Array, entry: SegmentEntry): Promise<boolean> {
  return sealed.length === entry.sizeBytes && (await digestHex(sealed)) === entry.sha256
}

async function ensureSegment(entry: SegmentEntry, options: FetchSegmentsOptions): Promise<number> {
  if (await options.isKept(entry)) return 0
  const sealed = await fetchListed(entry, options)
  step('segment')
  await options.keep(entry, sealed)
  step('segment-kept')
  return sealed.length
}

async function fetchListed(entry: SegmentEntry, options: FetchSegmentsOptions): Promise<Uint8Array> {
  const tries = options.tries ?? DEFAULT_TRIES
  for (let attempt = 1; ; attempt++) {
    try {
      const sealed = await options.fetchSegment(entry.number)
      if (await isListed(sealed, entry)) return sealed
      throw new CodedError('integrity.mismatch', `segment ${entry.number} is not the one that the map lists`)
    } catch (cause) {
      const again = cause instanceof CodedError && WORTH_A_RETRY.has(cause.code) && attempt < tries
      if (!again) throw cause
      await options.clock.sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1))
    }
  }
}
