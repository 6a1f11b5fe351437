/** Opens Zstandard frames on Node; the work happens outside the event loop. */

import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import { CodedError } from '../../schemas/errors.ts'
import type { OpenZstdFrame } from '../ports.ts'

const decompress = promisify(zstdDecompress)

/** Fills the port `OpenZstdFrame`. */
export const openZstdFrame: OpenZstdFrame = async (frame, maxBytes) => {
  try {
    // One octet of room more than is wanted: all comes out in one piece, and its end is seen at once.
    return await decompress(frame, { maxOutputLength: maxBytes, chunkSize: Math.max(64, maxBytes + 1) })
  } catch (cause) {
    throw new CodedError('integrity.mismatch', 'a Zstandard frame is damaged or larger than it may be', { cause })
  }
}
