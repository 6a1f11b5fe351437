/**
 * What a device reports while a Delivery runs: what it holds, what it drew, how fast each link was (WF-35).
 */

import { z } from 'zod'
import { byteCount, deviceId, identifier } from '../http/fields.ts'
import { MAX_DELIVERY_SEGMENTS, MAX_DEVICE_FLIGHTS, MAX_DEVICE_LINKS } from '../limits.ts'
import { type SegmentRanges, segmentRanges } from './segmentRanges.ts'

/** What one link carried from the server since the report before. */
export const linkProgress = z.strictObject({
  linkId: identifier,
  bytes: byteCount,
  /** How long it was busy with it; a link that waited for nothing is not slow. */
  busyMs: z.int().min(0).max(86_400_000),
})
export type LinkProgress = Readonly<z.infer<typeof linkProgress>>

/** A segment that a link has begun to fetch from the server. */
export const flight = z.strictObject({
  linkId: identifier,
  segment: z.int().min(0).max(MAX_DELIVERY_SEGMENTS),
  /** Octets still to come. */
  leftBytes: byteCount,
})
export type Flight = Readonly<z.infer<typeof flight>>

export const progressReport = z.strictObject({
  deviceId,
  /** Everything it holds, verified, from wherever it came. */
  held: segmentRanges,
  /** Octets drawn from the server, and from peers, since the Delivery began. */
  serverBytes: byteCount,
  peerBytes: byteCount,
  links: z.array(linkProgress).max(MAX_DEVICE_LINKS),
  inFlight: z.array(flight).max(MAX_DEVICE_FLIGHTS).exactOptional(),
})
export type ProgressReport = Readonly<Omit<z.infer<typeof progressReport>, 'held' | 'links' | 'inFlight'>> & {
  readonly held: SegmentRanges
  readonly links: readonly LinkProgress[]
  readonly inFlight?: readonly Flight[]
}
