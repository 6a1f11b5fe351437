/**
 * What a device tells a peer of the same Delivery: which data waits with it (WF-42). Maps and segments follow on request;
 * they are checked by signature and digest, so that nobody has to believe a peer.
 */

import { z } from 'zod'
import { identifier } from '../http/fields.ts'
import { MAX_REPORTED_RANGES } from '../limits.ts'
import { decodeUtf8, encodeUtf8 } from '../utf8.ts'
import { PEER_PROTOCOL_VERSION } from '../version.ts'
import { type SegmentRanges, segmentRanges } from './segmentRanges.ts'

const dataWaiting = z.strictObject({
  version: z.literal(PEER_PROTOCOL_VERSION),
  deliveryId: identifier,
  dataSetId: identifier,
  /** Of the map it has; 0 without one. */
  revision: z.int().min(0),
  /** Segments that it can give. */
  held: segmentRanges.refine((ranges) => ranges.length <= MAX_REPORTED_RANGES),
})
export type DataWaiting = Readonly<Omit<z.infer<typeof dataWaiting>, 'held'>> & { readonly held: SegmentRanges }

/** Octets of the longest message. */
export const MAX_WAITING_BYTES = 64 * 1024

export function encodeDataWaiting(message: Omit<DataWaiting, 'version'>): Uint8Array {
  return encodeUtf8(JSON.stringify({ version: PEER_PROTOCOL_VERSION, ...message }))
}

/** What a peer said; undefined if it is no such message. */
export function decodeDataWaiting(octets: Uint8Array): DataWaiting | undefined {
  if (octets.length > MAX_WAITING_BYTES) return undefined
  try {
    const parsed = dataWaiting.safeParse(JSON.parse(decodeUtf8(octets) ?? ''))
    return parsed.success ? parsed.data : undefined
  } catch {
    // No JSON: the same as any other message that is none.
    return undefined
  }
}
