/**
 * One master key and what follows from it. It never encrypts itself: each purpose has a key of its own. Wrapping is
 * AES-256-GCM with the context as additional data, so a wrapped key cannot stand in another's place.
 */

import { createSecretKey, hkdfSync } from 'node:crypto'
import { openOctets, sealOctets } from './sealOctets.ts'

const KEY_BYTES = 32

export interface Generation {
  /** `mk_` and 16 hex digits that follow from the key. */
  readonly keyId: string
  readonly masterKey: Uint8Array
  wrap(key: Uint8Array, context: string): Buffer
  /** @throws Error if it is another's, or was changed. */
  unwrap(sealed: Uint8Array, context: string): Uint8Array
  derive(context: string): Uint8Array
  seal(plain: Uint8Array, context: string): Buffer
  /** @throws Error if it is another's, or was changed. */
  open(sealed: Uint8Array, context: string): Uint8Array
  /** What shows that a key is this one. */
  readonly check: string
}

/** What follows from `masterKey`. */
export function generationOf(masterKey: Uint8Array): Generation {
  // Objects: each use of a key's octets costs Node two errors with their stacks.
  const master = createSecretKey(masterKey)
  const follow = (context: string): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', master, 'nightferry', context, KEY_BYTES))
  const wrappingKey = createSecretKey(follow('key wrapping'))
  const derive = (context: string): Uint8Array => follow(`object:${context}`)
  const sealingKey = (context: string): Uint8Array => follow(`sealed:${context}`)
  return {
    keyId: `mk_${Buffer.from(follow('key id')).toString('hex', 0, 8)}`,
    masterKey,
    wrap: (key, context) => sealOctets(wrappingKey, key, context),
    unwrap: (sealed, context) => new Uint8Array(openOctets(wrappingKey, sealed, context)),
    derive,
    seal: (plain, context) => sealOctets(sealingKey(context), plain, context),
    open: (sealed, context) => new Uint8Array(openOctets(sealingKey(context), sealed, context)),
    // As it was written before there were generations.
    check: Buffer.from(derive('keyring check')).toString('base64url'),
  }
}

/** The id of a master key. */
export function keyIdOf(masterKey: Uint8Array): string {
  return generationOf(masterKey).keyId
}
