/**
 * Fills the key ring from one master key and `keyring.json`, which holds the key's id and a check value: a wrong
 * master key is told before anything is opened, written or changed. Wrapping is AES-256-GCM with the context as
 * additional data, so a wrapped key cannot stand in another's place.
 */

import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import { writeFileDurably } from '../storage/writeFileDurably.ts'
import type { KeyRing } from './keyRing.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16
const KEY_BYTES = 32
/** `nfk1.<key id>.<base64url of nonce, sealed key, tag>`. */
const WRAPPED = /^nfk1\.(mk_[0-9a-f]{16})\.([A-Za-z0-9_-]{80})$/

/**
 * Opens the key ring of a data directory; with a directory that has none yet, writes it.
 *
 * @throws {CodedError} `key.wrong` if the directory was sealed with another master key (nothing is written then),
 *   `storage.corrupt` if `keyring.json` is damaged.
 */
export function openFileKeyRing(dataDir: string, masterKey: Uint8Array): KeyRing {
  const ring = keyRingOf(masterKey)
  const path = join(dataDir, 'keyring.json')
  const check = Buffer.from(ring.derive('keyring check')).toString('base64url')
  const kept = readKept(path)
  if (kept === undefined) writeFileDurably(path, `${JSON.stringify({ version: 1, keyId: ring.currentKeyId, check })}\n`)
  else if (kept.keyId !== ring.currentKeyId || !sameText(kept.check, check))
    throw wrongKey(kept.keyId, ring.currentKeyId)
  return ring
}

function keyRingOf(masterKey: Uint8Array): KeyRing {
  // Objects: each use of a key's octets costs Node two errors with their stacks.
  const master = createSecretKey(masterKey)
  const derive = (context: string): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', master, 'nightferry', context, KEY_BYTES))
  const currentKeyId = `mk_${Buffer.from(derive('key id')).toString('hex', 0, 8)}`
  // The master key itself never encrypts: each purpose has a key of its own.
  const wrappingKey = createSecretKey(derive('key wrapping'))
  const wrap = (key: Uint8Array, context: string): string => `nfk1.${currentKeyId}.${seal(wrappingKey, key, context)}`
  return {
    currentKeyId,
    wrap,
    newKey: (context) => {
      const key = new Uint8Array(randomBytes(KEY_BYTES))
      return { key, wrapped: wrap(key, context) }
    },
    unwrap: (wrapped, context) => {
      const match = WRAPPED.exec(wrapped)
      const [, keyId, sealed] = match ?? []
      if (keyId === undefined || sealed === undefined)
        throw new CodedError('storage.corrupt', 'a wrapped key is damaged', { fields: { context } })
      if (keyId !== currentKeyId) throw wrongKey(keyId, currentKeyId)
      return unseal(wrappingKey, sealed, context)
    },
    derive: (context) => derive(`object:${context}`),
  }
}

function seal(wrappingKey: KeyObject, key: Uint8Array, context: string): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', wrappingKey, nonce).setAAD(Buffer.from(context))
  const sealed = Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()])
  return sealed.toString('base64url')
}

function unseal(wrappingKey: KeyObject, text: string, context: string): Uint8Array {
  const sealed = Buffer.from(text, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', wrappingKey, sealed.subarray(0, NONCE_BYTES))
    .setAAD(Buffer.from(context))
    .setAuthTag(sealed.subarray(-TAG_BYTES))
  try {
    return new Uint8Array(Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]))
  } catch (cause) {
    throw new CodedError('storage.corrupt', 'a wrapped key does not open', { cause, fields: { context } })
  }
}

function readKept(path: string): { readonly keyId: string; readonly check: string } | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new CodedError('storage.unavailable', `${path} cannot be read`, { cause })
  }
  const kept = parseJson(text) as { version?: unknown; keyId?: unknown; check?: unknown } | undefined
  if (kept?.version !== 1 || typeof kept.keyId !== 'string' || typeof kept.check !== 'string')
    throw new CodedError('storage.corrupt', `${path} is damaged`)
  return { keyId: kept.keyId, check: kept.check }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

function wrongKey(wanted: string, given: string): CodedError {
  return new CodedError('key.wrong', `sealed with master key ${wanted}, but ${given} was given`, {
    fields: { wanted, given },
    next: 'Start with the master key file this data was made with.',
  })
}
