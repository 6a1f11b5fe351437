/** How contents of items are told apart on the device. */

import { sha256 } from '@noble/hashes/sha2.js'

/** SHA-256 of `octets` in lower-case hex. */
export function contentDigest(octets: Uint8Array): string {
  return Array.from(sha256(octets), (octet) => octet.toString(16).padStart(2, '0')).join('')
}
