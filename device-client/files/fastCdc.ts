/**
 * Cuts octets where their content says so: FastCDC (Xia et al., "FastCDC: a Fast and Efficient Content-Defined Chunking
 * Approach for Data Deduplication", USENIX ATC 2016) with a Gear hash of 32 bits and normalized chunking. Pure. FS-2.
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { encodeUtf8 } from '../../schemas/utf8.ts'

/** No block is shorter, but the last of a file. */
export const MIN_BLOCK_BYTES = 8 * 1024
/** Where the search becomes easier: about the average. */
export const AVERAGE_BLOCK_BYTES = 32 * 1024
export const MAX_BLOCK_BYTES = 128 * 1024

/** One random number for each octet, the same on every device: else no two would cut alike. */
const GEAR = gearTable()

/** Two bits more than the average asks for before it is reached, two fewer after: lengths gather around it. */
const HARD_MASK = topBits(17)
const EASY_MASK = topBits(13)

/**
 * Length of the block that begins at `from`. `octets` up to `end` must hold `MAX_BLOCK_BYTES` from there on, or all that
 * is left.
 */
export function blockLength(octets: Uint8Array, from: number, end: number): number {
  const left = end - from
  if (left <= MIN_BLOCK_BYTES) return left
  const stop = from + Math.min(left, MAX_BLOCK_BYTES)
  const middle = Math.min(from + AVERAGE_BLOCK_BYTES, stop)
  let hash = 0
  let at = from + MIN_BLOCK_BYTES
  for (; at < middle; at++) {
    hash = ((hash << 1) + (GEAR[octets[at] as number] as number)) | 0
    if ((hash & HARD_MASK) === 0) return at + 1 - from
  }
  for (; at < stop; at++) {
    hash = ((hash << 1) + (GEAR[octets[at] as number] as number)) | 0
    if ((hash & EASY_MASK) === 0) return at + 1 - from
  }
  return stop - from
}

/** The highest bits depend on the most octets before. */
function topBits(count: number): number {
  return (-1 << (32 - count)) | 0
}

function gearTable(): Int32Array {
  const table = new Int32Array(256)
  for (let octet = 0; octet < 256; octet++) {
    const digest = sha256(encodeUtf8(`nightferry gear ${octet}`))
    table[octet] = new DataView(digest.buffer, digest.byteOffset).getInt32(0)
  }
  return table
}
