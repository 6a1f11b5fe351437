/**
 * Which nonces a digest may have been made with, and what becomes of them once one was used (OM-11): of a login, and of
 * the password of a single datastore.
 */

import { sameOctets } from '../../schemas/syncml/credential.ts'
import type { Nonces } from './authenticate.ts'
import { challengeNonces, printable } from './challenge.ts'

/** Whose digest it is. */
export interface DigestHolder {
  readonly userName: string
  readonly deviceId: string
}

/** Nonces of challenges that still serve, the likeliest first. */
export function challengedNonces(key: Uint8Array, holder: DigestHolder, { next }: Nonces, now: number) {
  return challengeNonces(key, { ...holder, after: next }, now)
}

/** All nonces a digest may be made with, likeliest first. The empty one only while none was ever accepted. */
export function possibleNonces(key: Uint8Array, holder: DigestHolder, held: Nonces, now: number): Uint8Array[] {
  const challenged = challengedNonces(key, holder, held, now)
  return [held.next ?? new Uint8Array(), ...challenged, ...(held.previous ? [held.previous] : [])]
}

/** "Once more" (OM-11): a nonce that was used as the previous one is not kept a second time. */
export function renewed(held: Nonces, used: Uint8Array, next: Uint8Array): Nonces {
  const again = held.previous !== undefined && sameOctets(used, held.previous)
  return again || used.length === 0 ? { next } : { next, previous: used }
}

export function newNonce(random: (length: number) => Uint8Array): Uint8Array {
  return printable(random(16))
}
