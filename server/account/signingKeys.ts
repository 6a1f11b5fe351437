/**
 * Signing keys (Ed25519) with rotation: the newest signs, older ones verify until the last thing they signed has
 * ended (AC-3). The private half rests wrapped by the master key. Tokens are signed with them.
 */

import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, type JWK } from 'jose'
import type { KeyRing } from '../keys/keyRing.ts'

const DAY_MS = 24 * 60 * 60_000

export interface SigningKeyRow {
  readonly kid: string
  /** Public JWK as JSON. */
  readonly publicJwk: string
  readonly wrappedPrivateKey: string
  readonly createdAt: number
}

/** Where signing keys rest. */
export interface SigningKeyStore {
  list(): Promise<readonly SigningKeyRow[]>
  add(row: SigningKeyRow): Promise<void>
  remove(kid: string): Promise<void>
}

export interface SigningKeys {
  /** The key that signs now; a new one is made when the newest is too old. */
  current(now: number): Promise<{ readonly kid: string; readonly privateKey: KeyObject }>
  /** Public keys as a JSON Web Key Set, newest first. Keys whose signatures have all ended are dropped. */
  jwks(now: number): Promise<{ readonly keys: readonly JWK[] }>
}

/** Times of a set of signing keys. */
export interface RotationPolicy {
  /** Age at which a key stops signing. */
  readonly rotateAfterMs: number
  /** Longest life of anything signed: how long an old key must go on verifying. */
  readonly signatureLifeMs: number
}

/** Keys sign for 30 days; what they sign lives a day at most. */
export const DEFAULT_ROTATION: RotationPolicy = { rotateAfterMs: 30 * DAY_MS, signatureLifeMs: DAY_MS }

/** Signing keys kept in `store`. */
export function openSigningKeys(
  store: SigningKeyStore,
  keyRing: KeyRing,
  policy: RotationPolicy = DEFAULT_ROTATION,
): SigningKeys {
  const newestFirst = async (): Promise<SigningKeyRow[]> =>
    [...(await store.list())].sort((a, b) => b.createdAt - a.createdAt || a.kid.localeCompare(b.kid))
  return {
    async current(now) {
      const [newest] = await newestFirst()
      const row =
        newest !== undefined && now - newest.createdAt < policy.rotateAfterMs ? newest : await make(store, keyRing, now)
      return { kid: row.kid, privateKey: openPrivateKey(row, keyRing) }
    },
    async jwks(now) {
      const rows = await newestFirst()
      const live = rows.filter((row) => now - row.createdAt < policy.rotateAfterMs + policy.signatureLifeMs)
      // A key that is to sign must have been published first: verifiers in other processes fetch this set.
      const made = live.length === 0 ? [await make(store, keyRing, now)] : live
      for (const row of rows) if (!live.includes(row)) await store.remove(row.kid)
      return { keys: made.map((row) => JSON.parse(row.publicJwk) as JWK) }
    },
  }
}

async function make(store: SigningKeyStore, keyRing: KeyRing, now: number): Promise<SigningKeyRow> {
  const { d, x } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  if (d === undefined || x === undefined) throw new TypeError('an Ed25519 key exports d and x')
  const publicJwk = { kty: 'OKP', crv: 'Ed25519', x }
  const kid = await calculateJwkThumbprint(publicJwk)
  const row: SigningKeyRow = {
    kid,
    publicJwk: JSON.stringify({ ...publicJwk, kid, use: 'sig', alg: 'EdDSA' }),
    wrappedPrivateKey: keyRing.wrap(Buffer.from(d, 'base64url'), signingKeyContext(kid)),
    createdAt: now,
  }
  await store.add(row)
  return row
}

function openPrivateKey(row: SigningKeyRow, keyRing: KeyRing): KeyObject {
  const d = Buffer.from(keyRing.unwrap(row.wrappedPrivateKey, signingKeyContext(row.kid))).toString('base64url')
  const { x } = JSON.parse(row.publicJwk) as { x: string }
  return createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', x, d }, format: 'jwk' })
}

/** What a signing key is bound to when it is wrapped. */
export function signingKeyContext(kid: string): string {
  return `signing:${kid}`
}
