/**
 * Base64 as SyncML peers write it: with line breaks and blanks to be skipped, sometimes not base64 at all.
 * Reference section 11: written without line breaks, white space accepted.
 */

import { decodeBase64, encodeBase64 } from '../delta/base64.ts'

/** Base64 with padding, without line breaks. */
export function toBase64(octets: Uint8Array): string {
  return encodeBase64(octets)
}

/** The octets of base64 text, white space ignored, or undefined if it is not base64. */
export function fromBase64(text: string): Uint8Array | undefined {
  const compact = /\s/.test(text) ? text.replace(/\s+/g, '') : text
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) return undefined
  const octets = decodeBase64(compact)
  return new Uint8Array(octets.buffer, octets.byteOffset, octets.byteLength)
}
