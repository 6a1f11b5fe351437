/**
 * Challenges that nobody has to remember (OM-25): anyone can ask for one under any name, so a nonce is derived from what
 * it is for, and known again when a digest comes back that was made with it.
 */

import { hash } from 'node:crypto'
import { toHex } from '../../schemas/hex.ts'

/** Milliseconds a challenge serves at least; at most twice as long. */
const CHALLENGE_LIFE_MS = 15 * 60_000

/** What a challenge is for. */
export interface Challenged {
  /** Empty if the client did not say it. */
  readonly userName: string
  readonly deviceId: string
  /** The nonce of the last accepted login: the next one ends all challenges before it. */
  readonly after: Uint8Array | undefined
}

/** The nonce to give now. */
export function challengeNonce(key: Uint8Array, challenged: Challenged, now: number): Uint8Array {
  return derive(key, challenged, Math.floor(now / CHALLENGE_LIFE_MS))
}

/** The nonces a challenge that still serves may have had, the likeliest first. */
export function challengeNonces(key: Uint8Array, challenged: Challenged, now: number): readonly Uint8Array[] {
  const slot = Math.floor(now / CHALLENGE_LIFE_MS)
  return [derive(key, challenged, slot), derive(key, challenged, slot - 1)]
}

/** SHA-3 with the key in front is a MAC (FIPS 202 has no length extension), at an eighth of the cost of Node's HMAC. */
function derive(key: Uint8Array, { userName, deviceId, after }: Challenged, slot: number): Uint8Array {
  const last = after === undefined ? '' : Buffer.from(after).toString('base64')
  const digest = hash('sha3-256', toHex(key) + JSON.stringify([deviceId, userName, last, slot]), 'buffer')
  return printable(new Uint8Array(digest.subarray(0, 16)))
}

/** 16 octets as printable ASCII: some clients cannot keep NUL (reference 5.1). 6 bits each, 96 in all. */
export function printable(octets: Uint8Array): Uint8Array {
  return octets.map((octet) => 0x30 + (octet & 0x3f))
}
