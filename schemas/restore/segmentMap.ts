/**
 * The SegmentMap: what a RestoreImage consists of. A compact JWS (EdDSA) by the server carries it; what is not in it
 * does not exist (WF-21). Also how each sealed segment is bound to its place (WF-20).
 */

import { z } from 'zod'
import { CodedError } from '../errors.ts'
import { MAX_DATABASE_BYTES, MAX_OBJECT_BYTES, SEGMENT_BYTES, SEGMENT_RANGE_BYTES } from '../limits.ts'
import { IMAGE_VERSION } from '../version.ts'

/** `typ` of the JWS, so that no other signed text of the server passes as a map. */
export const SEGMENT_MAP_TYPE = 'nightferry-segment-map+jws'

/** Octets that sealing adds to a segment: the tag of AES-GCM. */
export const SEAL_OVERHEAD_BYTES = 16

/** Segments of the largest object. */
const MAX_SEGMENTS = Math.ceil(MAX_OBJECT_BYTES / SEGMENT_BYTES)

/** Characters of the largest signed map: 33,000 segments of about 130 octets, in base64. */
export const MAX_SIGNED_MAP_CHARS = 8 * 1024 * 1024

const digest = z.string().regex(/^[0-9a-f]{64}$/)

/** A Zstandard frame of a range that does not compress is this much larger, at most. */
export const MAX_FRAME_OVERHEAD_BYTES = 64 * 1024

function segmentEntry(maxBytes: number) {
  return z.strictObject({
    /** Counted from 0. */
    number: z.int().min(0).max(MAX_SEGMENTS),
    /** Octets of the sealed segment. */
    sizeBytes: z
      .int()
      .min(SEAL_OVERHEAD_BYTES + 1)
      .max(maxBytes + SEAL_OVERHEAD_BYTES),
    /** SHA-256 of the sealed segment, hex. */
    sha256: digest,
  })
}

const anyMap = {
  imageId: z.string().min(1).max(64),
  database: z.string().min(1).max(1024),
  /** Milliseconds since 1970. */
  createdAt: z.int().min(0),
  /** Octets and SHA-256 (hex) of the plain file. */
  sizeBytes: z.int().min(1).max(MAX_DATABASE_BYTES),
  sha256: digest,
}

/** One gzip of the whole file, cut into segments. */
const gzipMap = z.strictObject({
  version: z.literal(1),
  ...anyMap,
  compression: z.literal('gzip'),
  segments: z.array(segmentEntry(SEGMENT_BYTES)).min(1).max(MAX_SEGMENTS),
})

/** Segment n is the Zstandard frame of the octets from n times `rangeBytes` on. */
const zstdMap = z.strictObject({
  version: z.literal(IMAGE_VERSION),
  ...anyMap,
  compression: z.literal('zstd'),
  rangeBytes: z.int().min(65_536).max(SEGMENT_RANGE_BYTES),
  segments: z
    .array(segmentEntry(SEGMENT_RANGE_BYTES + MAX_FRAME_OVERHEAD_BYTES))
    .min(1)
    .max(Math.ceil(MAX_DATABASE_BYTES / SEGMENT_RANGE_BYTES)),
})

const segmentMap = z.discriminatedUnion('version', [gzipMap, zstdMap])

/** How the segments of an image are compressed; the device says what it can open. */
export const segmentCompression = z.enum(['gzip', 'zstd'])
export type SegmentCompression = z.infer<typeof segmentCompression>

type ReadonlyMap<Map extends { segments: unknown }> = Readonly<Omit<Map, 'segments'>> & {
  readonly segments: readonly SegmentEntry[]
}
export type SegmentEntry = Readonly<z.infer<ReturnType<typeof segmentEntry>>>
export type GzipSegmentMap = ReadonlyMap<z.infer<typeof gzipMap>>
export type ZstdSegmentMap = ReadonlyMap<z.infer<typeof zstdMap>>
export type SegmentMap = GzipSegmentMap | ZstdSegmentMap

/**
 * Validates the payload of a map whose signature was verified.
 * @throws {CodedError} `protocol.malformed` if it is no map, or its segments do not follow each other or make no file.
 */
export function parseSegmentMap(payload: unknown): SegmentMap {
  const parsed = segmentMap.safeParse(payload)
  if (!parsed.success) throw new CodedError('protocol.malformed', 'this is no segment map', { cause: parsed.error })
  const map = parsed.data
  const outOfOrder = map.segments.findIndex((segment, index) => segment.number !== index)
  if (outOfOrder !== -1) throw new CodedError('protocol.malformed', `segment ${outOfOrder} is out of order`)
  if (map.compression === 'zstd' && map.segments.length !== Math.ceil(map.sizeBytes / map.rangeBytes))
    throw new CodedError('protocol.malformed', `${map.segments.length} segments are not a file of ${map.sizeBytes}`)
  return map
}

/** The octets of the plain file that a segment stands for. */
export function rangeOf(map: ZstdSegmentMap, segment: number): { readonly offset: number; readonly length: number } {
  const offset = segment * map.rangeBytes
  return { offset, length: Math.min(map.rangeBytes, map.sizeBytes - offset) }
}

/** The 96-bit nonce of a segment. The content key is new for each image, so the number alone makes it unique. */
export function segmentNonce(segment: number): Uint8Array<ArrayBuffer> {
  const nonce = new Uint8Array(12)
  new DataView(nonce.buffer).setUint32(8, segment)
  return nonce
}

/** Additional data of a segment: a segment of another image or version, or from another place, does not open. */
export function segmentContext(
  { version, imageId }: Pick<SegmentMap, 'version' | 'imageId'>,
  segment: number,
): Uint8Array<ArrayBuffer> {
  const text = `nightferry segment ${version} ${segment} ${imageId}`
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}
