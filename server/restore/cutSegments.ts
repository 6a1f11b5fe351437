/**
 * Turns the plain octets of an image into sealed segments: gzip, pieces of 1 MiB, AES-256-GCM (WF-20).
 * Memory holds one segment, whatever the image's size (RS-3).
 */

import { createCipheriv, createHash, hash } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, crc32, deflateRaw } from 'node:zlib'
import { gzipBlocks } from '../../schemas/gzip/gzipBlocks.ts'
import { SEGMENT_BYTES } from '../../schemas/limits.ts'
import { type SegmentEntry, segmentContext, segmentNonce } from '../../schemas/restore/segmentMap.ts'

/** Level 1: on rows of an application 2.4 times as fast as 6, and 5 % larger. */
const GZIP_LEVEL = 1
const DEFLATE_CHUNK_BYTES = 512 * 1024

/** What the map says about a cut image. */
export interface CutImage {
  /** Octets and SHA-256 (hex) of the plain file. */
  readonly sizeBytes: number
  readonly sha256: string
  readonly segments: readonly SegmentEntry[]
}

/** Cuts `plain` and gives each sealed segment to `store`, in order; the next one waits until it resolved. */
export async function cutSegments(
  plain: AsyncIterable<Uint8Array>,
  imageId: string,
  contentKey: Uint8Array,
  store: (segment: number, sealed: Uint8Array) => Promise<void>,
): Promise<CutImage> {
  const digest = createHash('sha256')
  let sizeBytes = 0
  const watched = async function* (): AsyncGenerator<Uint8Array> {
    for await (const piece of plain) {
      digest.update(piece)
      sizeBytes += piece.length
      yield piece
    }
  }
  const segments: SegmentEntry[] = []
  for await (const compressed of cutPieces(gzip(watched()))) {
    const number = segments.length
    const sealed = sealSegment(compressed, imageId, number, contentKey)
    await store(number, sealed)
    segments.push({ number, sizeBytes: sealed.length, sha256: hash('sha256', sealed, 'hex') })
  }
  return { sizeBytes, sha256: digest.digest('hex'), segments }
}

const deflateBlock = promisify(deflateRaw)

function gzip(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return gzipBlocks(source, {
    crc32,
    deflate: (block, dictionary) =>
      deflateBlock(block, {
        level: GZIP_LEVEL,
        memLevel: 9,
        chunkSize: DEFLATE_CHUNK_BYTES,
        finishFlush: constants.Z_SYNC_FLUSH,
        ...(dictionary && { dictionary }),
      }),
  })
}

async function* cutPieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const held = Buffer.alloc(SEGMENT_BYTES)
  let filled = 0
  for await (const piece of source) {
    for (let offset = 0; offset < piece.length; ) {
      const part = piece.subarray(offset, offset + SEGMENT_BYTES - filled)
      held.set(part, filled)
      filled += part.length
      offset += part.length
      if (filled === SEGMENT_BYTES) {
        yield held
        filled = 0
      }
    }
  }
  if (filled > 0) yield held.subarray(0, filled)
}

function sealSegment(plain: Uint8Array, imageId: string, segment: number, key: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, segmentNonce(segment))
  cipher.setAAD(segmentContext(imageId, segment))
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}
