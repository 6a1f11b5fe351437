/** How contents of items are told apart on the device. */

import { sha256 } from '@noble/hashes/sha2.js'
import { toHex } from '../../schemas/hex.ts'

/** SHA-256 of `octets` in lower-case hex. */
export function contentDigest(octets: Uint8Array): string {
  return toHex(sha256(octets))
}
