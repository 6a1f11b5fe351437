/**
 * The plain octets of an image out of its stored segments, for the copy that is made of what a device received (RS-7).
 */

import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGunzip, zstdDecompress } from 'node:zlib'
import { CodedError } from '../../schemas/errors.ts'
import { SEGMENT_RANGE_BYTES } from '../../schemas/limits.ts'
import type { SegmentCompression, SegmentMap } from '../../schemas/restore/segmentMap.ts'
import type { Storage } from '../storage/storage.ts'
import { segmentKey } from './imageStorage.ts'
import { openSegmentSeal } from './sealSegment.ts'

/** What is needed to read an image again. */
export interface StoredImage {
  readonly imageId: string
  readonly version: SegmentMap['version']
  readonly compression: SegmentCompression
  readonly segments: number
  /** Hex. */
  readonly contentKey: string
}

const openFrame = promisify(zstdDecompress)

/** @throws {CodedError} `restore.unknown` if a segment is gone or damaged. */
export async function* readImage(image: StoredImage, storage: Storage): AsyncGenerator<Uint8Array> {
  if (image.compression === 'zstd') {
    for await (const frame of openSegments(image, storage))
      yield await openFrame(frame, { maxOutputLength: SEGMENT_RANGE_BYTES, chunkSize: SEGMENT_RANGE_BYTES + 1 })
    return
  }
  const gunzip = createGunzip()
  // A failure of the source destroys the stream with that error, which then reaches the loop below.
  pipeline(Readable.from(openSegments(image, storage)), gunzip).catch(() => undefined)
  yield* gunzip
}

async function* openSegments(image: StoredImage, storage: Storage): AsyncGenerator<Uint8Array> {
  const seal = await openSegmentSeal(image, Buffer.from(image.contentKey, 'hex'))
  for (let segment = 0; segment < image.segments; segment++) {
    const sealed = await storage.get(segmentKey(image.imageId, segment))
    if (sealed === undefined) throw new CodedError('restore.unknown', `segment ${segment} is gone`)
    yield await seal.open(sealed, segment)
  }
}
