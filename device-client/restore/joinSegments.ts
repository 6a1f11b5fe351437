/**
 * Joins kept segments of one gzip to the plain file: digest, seal, gzip, and at the end size and SHA-256 of the whole
 * (RS-5).
 * A stream: memory holds one segment.
 */

import { CodedError } from '../../schemas/errors.ts'
import type { GzipSegmentMap } from '../../schemas/restore/segmentMap.ts'
import { portableDigest } from '../portableDigest.ts'
import type { Digest, Gzip } from '../ports.ts'
import { isListed } from './fetchSegments.ts'
import { openSegmentSeal } from './segmentSeal.ts'

/**
 * The plain octets. What came out is the whole file only if the loop ended without an error.
 * @throws {CodedError} `integrity.mismatch` if a segment is missing or changed, does not open with `contentKey`, or
 *   the file is not the one that the map names.
 */
export async function* joinSegments(
  map: GzipSegmentMap,
  contentKey: Uint8Array,
  readSegment: (segment: number) => Promise<Uint8Array | undefined>,
  gzip: Gzip,
  digest: Digest = portableDigest(),
): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0
  for await (const piece of gzip.decompress(openSegments(map, contentKey, readSegment), map.sizeBytes)) {
    digest.update(piece)
    sizeBytes += piece.length
    yield piece
  }
  if (sizeBytes !== map.sizeBytes || digest.hex() !== map.sha256)
    throw new CodedError(
      'integrity.mismatch',
      `the joined file of ${sizeBytes} octets is not the one that was backed up`,
    )
}

async function* openSegments(
  map: GzipSegmentMap,
  contentKey: Uint8Array,
  readSegment: (segment: number) => Promise<Uint8Array | undefined>,
): AsyncGenerator<Uint8Array> {
  const openSeal = await openSegmentSeal(map, contentKey)
  for (const entry of map.segments) {
    const sealed = await readSegment(entry.number)
    if (sealed === undefined || !(await isListed(sealed, entry)))
      throw new CodedError('integrity.mismatch', `segment ${entry.number} is missing or changed`)
    yield await openSeal(sealed, entry.number)
  }
}
