/**
 * Signs SegmentMaps (WF-21). The server's key is made once and rests wrapped in storage; only its public half leaves.
 */

import { createPrivateKey, createPublicKey, type KeyObject, randomBytes } from 'node:crypto'
import { CompactSign, calculateJwkThumbprint, exportJWK } from 'jose'
import { CodedError } from '../../schemas/errors.ts'
import { parseSegmentMap, SEGMENT_MAP_TYPE, type SegmentMap } from '../../schemas/restore/segmentMap.ts'
import type { KeyRing } from '../keys/keyRing.ts'
import type { Storage } from '../storage/storage.ts'

/** Where the key rests in storage, and what it is bound to when it is wrapped. */
export const SEGMENT_MAP_KEY = 'system/segment-map-key'
export const SEGMENT_MAP_KEY_CONTEXT = 'segment map key'
/** PKCS #8 of an Ed25519 key, up to its seed of 32 octets (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

export interface SegmentMapSigner {
  /** The key clients verify with (RFC 7517, RFC 8037). */
  readonly publicKey: {
    readonly kty: string
    readonly crv: string
    readonly x: string
    readonly kid: string
    readonly alg: 'EdDSA'
  }
  /** Compact JWS. */
  sign(map: SegmentMap): Promise<string>
  /** The same for another statement of the server, under a type of its own. */
  signAs(type: string, statement: object): Promise<string>
}

/**
 * Opens the server's signing key; the first time, makes it.
 * @throws {CodedError} `key.wrong`, `storage.corrupt`, `storage.unavailable`.
 */
export async function openSegmentMapSigner(storage: Storage, keyRing: KeyRing): Promise<SegmentMapSigner> {
  const privateKey = await openKey(storage, keyRing)
  const { kty, crv, x } = await exportJWK(createPublicKey(privateKey))
  if (kty === undefined || crv === undefined || x === undefined)
    throw new CodedError('storage.corrupt', 'the signing key of segment maps has no public half')
  const kid = await calculateJwkThumbprint({ kty, crv, x })
  const signAs = (typ: string, statement: object): Promise<string> =>
    new CompactSign(new TextEncoder().encode(JSON.stringify(statement)))
      .setProtectedHeader({ alg: 'EdDSA', kid, typ })
      .sign(privateKey)
  return {
    publicKey: { kty, crv, x, kid, alg: 'EdDSA' },
    sign: (map) => signAs(SEGMENT_MAP_TYPE, map),
    signAs,
  }
}

/** What a map says that this server signed and kept. */
export function readSignedMap(jws: string): SegmentMap {
  return parseSegmentMap(readSigned(jws))
}

/** What a JWS says, unchecked: for those that this server signed and kept. */
export function readSigned(jws: string): unknown {
  return JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8'))
}

async function openKey(storage: Storage, keyRing: KeyRing): Promise<KeyObject> {
  const held = await storage.get(SEGMENT_MAP_KEY)
  const seed =
    held === undefined ? randomBytes(32) : keyRing.unwrap(Buffer.from(held).toString('utf8'), SEGMENT_MAP_KEY_CONTEXT)
  if (held === undefined)
    await storage.put(SEGMENT_MAP_KEY, Buffer.from(keyRing.wrap(seed, SEGMENT_MAP_KEY_CONTEXT), 'utf8'))
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
}
