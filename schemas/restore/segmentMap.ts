/**
 * The SegmentMap: what a RestoreImage consists of. A compact JWS (EdDSA) by the server carries it; what is not in it
 * does not exist (WF-21). Also how each sealed segment is bound to its place (WF-20).
 */

import { z } from 'zod'
import { CodedError } from '../errors.ts'
import { MAX_DATABASE_BYTES, MAX_OBJECT_BYTES, SEGMENT_BYTES } from '../limits.ts'
import { IMAGE_VERSION } from '../version.ts'

/** `typ` of the JWS, so that no other signed text of the server passes as a map. */
export const SEGMENT_MAP_TYPE = 'nightferry-segment-map+jws'

/** Octets that sealing adds to a segment: the tag of AES-GCM. */
export const SEAL_OVERHEAD_BYTES = 16

/** Segments of the largest object. */
const MAX_SEGMENTS = Math.ceil(MAX_OBJECT_BYTES / SEGMENT_BYTES)

const digest = z.string().regex(/^[0-9a-f]{64}$/)

const segmentEntry = z.strictObject({
  /** Counted from 0. */
  number: z.int().min(0).max(MAX_SEGMENTS),
  /** Octets of the sealed segment. */
  sizeBytes: z
    .int()
    .min(SEAL_OVERHEAD_BYTES + 1)
    .max(SEGMENT_BYTES + SEAL_OVERHEAD_BYTES),
  /** SHA-256 of the sealed segment, hex. */
  sha256: digest,
})

const segmentMap = z.strictObject({
  version: z.literal(IMAGE_VERSION),
  imageId: z.string().min(1).max(64),
  database: z.string().min(1).max(1024),
  /** Milliseconds since 1970. */
  createdAt: z.int().min(0),
  compression: z.literal('gzip'),
  /** Octets and SHA-256 (hex) of the plain file. */
  sizeBytes: z.int().min(1).max(MAX_DATABASE_BYTES),
  sha256: digest,
  segments: z.array(segmentEntry).min(1).max(MAX_SEGMENTS),
})

export type SegmentEntry = Readonly<z.infer<typeof segmentEntry>>
export type SegmentMap = Readonly<Omit<z.infer<typeof segmentMap>, 'segments'>> & {
  readonly segments: readonly SegmentEntry[]
}

/**
 * Validates the payload of a map whose signature was verified.
 * @throws {CodedError} `protocol.malformed` if it is no map, or its segments do not follow each other.
 */
export function parseSegmentMap(payload: unknown): SegmentMap {
  const parsed = segmentMap.safeParse(payload)
  if (!parsed.success) throw new CodedError('protocol.malformed', 'this is no segment map', { cause: parsed.error })
  const map = parsed.data
  const outOfOrder = map.segments.findIndex((segment, index) => segment.number !== index)
  if (outOfOrder !== -1) throw new CodedError('protocol.malformed', `segment ${outOfOrder} is out of order`)
  return map
}

/** The 96-bit nonce of a segment. The content key is new for each image, so the number alone makes it unique. */
export function segmentNonce(segment: number): Uint8Array<ArrayBuffer> {
  const nonce = new Uint8Array(12)
  new DataView(nonce.buffer).setUint32(8, segment)
  return nonce
}

/** Additional data of a segment: a segment of another image, or from another place, does not open. */
export function segmentContext(imageId: string, segment: number): Uint8Array<ArrayBuffer> {
  const text = `nightferry segment ${IMAGE_VERSION} ${segment} ${imageId}`
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}
