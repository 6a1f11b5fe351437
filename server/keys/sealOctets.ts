/** Small objects sealed by AES-256-GCM: nonce, sealed octets, tag. */

import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** A 256-bit key; an object is cheaper where it is used again and again. */
export type SealingKey = Uint8Array | KeyObject

/** Seals `plain` with a new nonce; `context` (what it is, and whose) is bound to it. */
export function sealOctets(key: SealingKey, plain: Uint8Array, context: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', objectOf(key), nonce).setAAD(Buffer.from(context))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** What {@link sealOctets} sealed. @throws Error if key or context are others, or the octets were changed. */
export function openOctets(key: SealingKey, sealed: Uint8Array, context: string): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', objectOf(key), sealed.subarray(0, NONCE_BYTES))
    .setAAD(Buffer.from(context))
    .setAuthTag(sealed.subarray(-TAG_BYTES))
  return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])
}

/** Octets would cost Node two errors with their stacks, made to find out what they are not. */
function objectOf(key: SealingKey): KeyObject {
  return key instanceof Uint8Array ? createSecretKey(key) : key
}
