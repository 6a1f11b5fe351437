/** SHA-256 in plain JavaScript, for platforms that have no digest of pieces. */

import { sha256 } from '@noble/hashes/sha2.js'
import { toHex } from '../schemas/hex.ts'
import type { Digest } from './ports.ts'

/** A digest of nothing yet. */
export function portableDigest(): Digest {
  const digest = sha256.create()
  return { update: (bytes) => void digest.update(bytes), hex: () => toHex(digest.digest()) }
}
