/** Opens the seals of an image's segments with the content key of its ticket (WF-20). */

import { CodedError } from '../../schemas/errors.ts'
import { type SegmentMap, segmentContext, segmentNonce } from '../../schemas/restore/segmentMap.ts'
import { importSealKey } from './webCrypto.ts'

/** Opens one sealed segment. @throws {CodedError} `integrity.mismatch` if it is not that one of this image. */
export type OpenSegment = (sealed: Uint8Array, segment: number) => Promise<Uint8Array>

export async function openSegmentSeal(map: SegmentMap, contentKey: Uint8Array): Promise<OpenSegment> {
  const openSeal = await importSealKey(contentKey)
  return async (sealed, segment) => {
    try {
      return await openSeal(sealed, segmentNonce(segment), segmentContext(map, segment))
    } catch (cause) {
      throw new CodedError('integrity.mismatch', `segment ${segment} does not open with the key of the ticket`, {
        cause,
      })
    }
  }
}
