/** Opens a compressed block of a set; what comes from a server is bounded before it is opened. */

import { zstdDecompressSync } from 'node:zlib'
import { CodedError } from '../../schemas/errors.ts'
import { MAX_BLOCK_BYTES } from '../files/fastCdc.ts'

/** @throws {CodedError} `integrity.mismatch` if it is damaged or not of this size. */
export function unpackBlock(packed: Uint8Array, sizeBytes: number): Uint8Array {
  if (!(sizeBytes >= 0 && sizeBytes <= MAX_BLOCK_BYTES)) throw broken()
  try {
    const octets = zstdDecompressSync(packed, { maxOutputLength: MAX_BLOCK_BYTES })
    if (octets.length === sizeBytes) return octets
  } catch (cause) {
    throw broken(cause)
  }
  throw broken()
}

function broken(cause?: unknown): CodedError {
  return new CodedError('integrity.mismatch', 'a block of the set is damaged', { cause })
}
