/**
 * SyncML credentials: basic, MD5 of 1.0 and of 1.1+, HMAC in the transport header (rule WF-6).
 * MD5 is what the protocol prescribes; it protects nothing that TLS does not, and no password is stored for it:
 * `ha1` is enough to verify all but MD5 of 1.0.
 * Reference: Representation Protocol 1.2.2 section 5.3, OMA DM Security 1.2 section 5.4.
 */

import { md5 } from '@noble/hashes/legacy.js'
import { decodeUtf8, encodeUtf8 } from '../utf8.ts'
import { fromBase64, toBase64 } from './base64.ts'
import type { ItemData } from './message.ts'

/** Values of `Type` in the Meta of Cred and Chal. */
export const AUTH_BASIC = 'syncml:auth-basic'
export const AUTH_MD5 = 'syncml:auth-md5'
export const AUTH_MAC = 'syncml:auth-MAC'

/** Name of the HTTP header that carries an HMAC. */
export const HMAC_HEADER = 'x-syncml-hmac'

const DIGEST_LENGTH = 16

/** `base64(MD5(user:password))`: all a verifier needs to keep. */
export function ha1(user: string, password: string): string {
  return toBase64(md5(encodeUtf8(`${user}:${password}`)))
}

/** `Cred/Data` of basic authentication. */
export function basicCredential(user: string, password: string): string {
  return toBase64(encodeUtf8(`${user}:${password}`))
}

/** User and password of basic `Cred/Data`, or undefined if it cannot be read. The user has no colon. */
export function parseBasicCredential(data: ItemData): { user: string; password: string } | undefined {
  const octets = data.kind === 'text' ? fromBase64(data.text) : data.kind === 'bytes' ? data.bytes : undefined
  const pair = octets && decodeUtf8(octets)
  const colon = pair?.indexOf(':') ?? -1
  if (pair === undefined || colon < 0) return undefined
  return { user: pair.slice(0, colon), password: pair.slice(colon + 1) }
}

/** Digest octets of SyncML 1.1 and later; `nonce` is the decoded NextNonce, empty before any challenge. */
export function md5Digest(ha1: string, nonce: Uint8Array): Uint8Array {
  return md5(joined(encodeUtf8(`${ha1}:`), nonce))
}

/** Digest octets of SyncML 1.0, which need the password itself. */
export function md5DigestOf10(user: string, password: string, nonce: Uint8Array): Uint8Array {
  return md5(joined(encodeUtf8(`${user}:${password}:`), nonce))
}

/** `Cred/Data` of MD5 authentication, SyncML 1.1 and later. */
export function md5Credential(ha1: string, nonce: Uint8Array): string {
  return toBase64(md5Digest(ha1, nonce))
}

/** `Cred/Data` of MD5 authentication, SyncML 1.0. */
export function md5CredentialOf10(user: string, password: string, nonce: Uint8Array): string {
  return toBase64(md5DigestOf10(user, password, nonce))
}

/** The 16 digest octets of MD5 `Cred/Data`, raw or in base64, or undefined if it is neither. */
export function parseMd5Credential(data: ItemData): Uint8Array | undefined {
  if (data.kind === 'bytes' && data.bytes.length === DIGEST_LENGTH) return data.bytes
  const text = data.kind === 'text' ? data.text : data.kind === 'bytes' ? decodeUtf8(data.bytes) : undefined
  const octets = text === undefined ? undefined : fromBase64(text)
  return octets?.length === DIGEST_LENGTH ? octets : undefined
}

/** The MAC of `body`: that of a message in the HMAC header, and of a notification (reference 5.1, 8.2). */
export function macOf(ha1: string, nonce: Uint8Array, body: Uint8Array): Uint8Array {
  return md5(joined(encodeUtf8(`${ha1}:`), nonce, encodeUtf8(`:${toBase64(md5(body))}`)))
}

/** The MAC of a message body, as the HMAC header carries it. */
export function hmac(ha1: string, nonce: Uint8Array, body: Uint8Array): string {
  return toBase64(macOf(ha1, nonce, body))
}

/** What an HMAC header says. */
export interface HmacHeader {
  readonly username: string
  readonly mac: string
}

/** Value of the header `x-syncml-hmac`. A quote in the user name is written as `\"`. */
export function formatHmacHeader(header: HmacHeader): string {
  const username = header.username.replace(/["\\]/g, '\\$&')
  return `algorithm=MD5, username="${username}", mac=${header.mac}`
}

/** The parts of an HMAC header, or undefined if it is not well formed or names another algorithm than MD5. */
export function parseHmacHeader(value: string): HmacHeader | undefined {
  if (value.length > MAX_HEADER_CHARS) return undefined
  const fields = new Map<string, string>()
  for (const part of value.matchAll(/([a-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^",\s]+))/gi)) {
    fields.set((part[1] ?? '').toLowerCase(), part[2]?.replace(/\\(.)/g, '$1') ?? part[3] ?? '')
  }
  const [algorithm, username, mac] = [fields.get('algorithm') ?? 'MD5', fields.get('username'), fields.get('mac')]
  if (algorithm.toUpperCase() !== 'MD5' || username === undefined || mac === undefined) return undefined
  return { username, mac }
}

const MAX_HEADER_CHARS = 4096

/** True if both hold the same octets; takes the same time wherever they differ. */
export function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (const [index, octet] of a.entries()) difference |= octet ^ (b[index] ?? 0)
  return difference === 0
}

/** Like `sameOctets` for text: `ha1` values and MACs. */
export function sameText(a: string, b: string): boolean {
  return sameOctets(encodeUtf8(a), encodeUtf8(b))
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
