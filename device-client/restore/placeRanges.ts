/**
 * Puts an image of ranges in place: each segment is verified, opened and written to where it belongs as it comes, a few
 * at once and in any order; when all are there the file is settled (RS-5, RS-17).
 */

import { CodedError } from '../../schemas/errors.ts'
import { rangeOf, type ZstdSegmentMap } from '../../schemas/restore/segmentMap.ts'
import type { OpenZstdFrame } from '../ports.ts'
import { step } from '../steps.ts'
import { type FetchSegmentsOptions, fetchSegments } from './fetchSegments.ts'
import type { GrowingFile } from './restoreTarget.ts'
import { openSegmentSeal } from './segmentSeal.ts'

export interface PlaceRangesOptions extends Omit<FetchSegmentsOptions, 'isKept' | 'keep'> {
  readonly contentKey: Uint8Array
  readonly openFrame: OpenZstdFrame
}

/**
 * The file has the target's name when it resolves.
 * @returns octets that came over the network.
 * @throws {CodedError} as `fetchSegments` and `GrowingFile.settle`; `integrity.mismatch` if a segment is no range of it.
 */
export async function placeRanges(
  map: ZstdSegmentMap,
  file: GrowingFile,
  { contentKey, openFrame, ...fetching }: PlaceRangesOptions,
): Promise<number> {
  try {
    const openSegment = await openSegmentSeal(map, contentKey)
    const bytesReceived = await fetchSegments(map, {
      ...fetching,
      isKept: async ({ number }) => file.kept.has(number),
      keep: async ({ number }, sealed) => {
        const { offset, length } = rangeOf(map, number)
        const plain = await openFrame(await openSegment(sealed, number), length)
        if (plain.length !== length)
          throw new CodedError('integrity.mismatch', `segment ${number} has ${plain.length} octets, not ${length}`)
        await file.keepRange(number, offset, plain)
      },
    })
    step('join')
    await file.settle(map.sha256)
    return bytesReceived
  } finally {
    await file.close()
  }
}
