/**
 * Fills the key ring from one master key and `keyring.json`, which holds the key's id and a check value: a wrong
 * master key is told before anything is opened, written or changed. Wrapping is AES-256-GCM with the context as
 * additional data, so a wrapped key cannot stand in another's place.
 */

import { createSecretKey, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import { writeFileDurably } from '../storage/writeFileDurably.ts'
import type { KeyRing } from './keyRing.ts'
import { openOctets, type SealingKey, sealOctets } from './sealOctets.ts'

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
  const wrap = (key: Uint8Array, context: string): string =>
    `nfk1.${currentKeyId}.${sealOctets(wrappingKey, key, context).toString('base64url')}`
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
      return openSealed(wrappingKey, Buffer.from(sealed, 'base64url'), context, 'a wrapped key')
    },
    derive: (context) => derive(`object:${context}`),
    seal: (plain, context) => sealOctets(derive(`sealed:${context}`), plain, context),
    open: (sealed, context) => openSealed(derive(`sealed:${context}`), sealed, context, 'a sealed object'),
  }
}

function openSealed(key: SealingKey, sealed: Uint8Array, context: string, what: string): Uint8Array {
  try {
    return new Uint8Array(openOctets(key, sealed, context))
  } catch (cause) {
    throw new CodedError('storage.corrupt', `${what} does not open`, { cause, fields: { context } })
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
