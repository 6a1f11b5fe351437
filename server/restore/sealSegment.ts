/**
 * Seals and opens segments with AES-256-GCM (WF-20). WebCrypto does it beside the event loop, so that several segments
 * are worked on at once.
 */

import { webcrypto } from 'node:crypto'
import { CodedError } from '../../schemas/errors.ts'
import { type SegmentEntry, type SegmentMap, segmentContext, segmentNonce } from '../../schemas/restore/segmentMap.ts'

const { subtle } = webcrypto

/** A piece of an image, sealed, and what the map says about it. */
export interface SealedSegment {
  readonly bytes: Uint8Array
  readonly entry: SegmentEntry
}

export interface SegmentSeal {
  seal(compressed: Uint8Array, segment: number): Promise<SealedSegment>
  /** @throws {CodedError} `restore.unknown` if it is not this segment of this image: its restore is worth nothing. */
  open(sealed: Uint8Array, segment: number): Promise<Uint8Array>
}

/** Seals of one image, under its content key. */
export async function openSegmentSeal(
  image: Pick<SegmentMap, 'version' | 'imageId'>,
  contentKey: Uint8Array,
): Promise<SegmentSeal> {
  const key = await subtle.importKey('raw', contentKey, 'AES-GCM', false, ['encrypt', 'decrypt'])
  const parametersOf = (segment: number) => ({
    name: 'AES-GCM',
    iv: segmentNonce(segment),
    additionalData: segmentContext(image, segment),
  })
  return {
    seal: async (compressed, number) => {
      const bytes = new Uint8Array(await subtle.encrypt(parametersOf(number), key, compressed))
      const sha256 = Buffer.from(await subtle.digest('SHA-256', bytes)).toString('hex')
      return { bytes, entry: { number, sizeBytes: bytes.length, sha256 } }
    },
    open: async (sealed, segment) => {
      try {
        return new Uint8Array(await subtle.decrypt(parametersOf(segment), key, sealed))
      } catch (cause) {
        throw new CodedError('restore.unknown', `segment ${segment} is damaged`, { cause })
      }
    },
  }
}
