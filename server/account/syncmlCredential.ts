/**
 * Compares SyncML credentials with what is kept, `H(user:password)` (AC-2, reference 5.1).
 */

import { hash, timingSafeEqual } from 'node:crypto'
import type { SyncmlCredentials } from './accountService.ts'

/** Base64 of MD5(`user:password`), the form in which a SyncML secret is kept. */
export function ha1Of(user: string, password: string): string {
  return md5(`${user}:${password}`).toString('base64')
}

/** The user name a peer offers: with basic it is part of the data. */
export function offeredUserName({ scheme, data, userName }: SyncmlCredentials): string {
  if (scheme === 'md5') return userName
  const text = Buffer.from(data).toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? '' : text.slice(0, colon)
}

/** What a peer proves a password with. */
export type PasswordProof = Pick<SyncmlCredentials, 'scheme' | 'data' | 'nonces' | 'verDtd'>

/**
 * The nonce that `credentials` were made with, if they were made from the password behind `ha1`; an empty one for basic.
 * Undefined if they were not. MD5 of SyncML 1.0 has another formula, which cannot be computed from `ha1`: it never
 * matches, and such peers are asked for basic.
 */
export function matchingNonce({ scheme, data, nonces, verDtd }: PasswordProof, ha1: string): Uint8Array | undefined {
  if (scheme === 'basic') return equal(md5(data), Buffer.from(ha1, 'base64')) ? new Uint8Array() : undefined
  if (verDtd === '1.0') return undefined
  return nonces.find((nonce) => equal(md5(Buffer.concat([Buffer.from(`${ha1}:`), nonce])), data))
}

function md5(data: string | Uint8Array): Buffer {
  return hash('md5', data, 'buffer')
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
