/**
 * Who is talking (OM-11, reference 5.4). Takes credentials apart, tries the nonces a digest may have been made
 * with, and says what to answer. Which user may come in is the LoginVerifier's decision, never ours.
 */

import { CodedError } from '../../schemas/errors.ts'
import {
  AUTH_BASIC,
  AUTH_MD5,
  parseBasicCredential,
  parseMd5Credential,
  sameOctets,
} from '../../schemas/syncml/credential.ts'
import type { Chal, SyncHdr, SyncmlVersion } from '../../schemas/syncml/message.ts'
import { encodeUtf8 } from '../../schemas/utf8.ts'
import type { SyncmlCredentials } from '../account/accountService.ts'
import type { Peer } from '../datastore/datastore.ts'

export type LoginVerdict =
  | { readonly kind: 'accepted'; readonly peer: Peer }
  /** 401: wrong; 403: known and not allowed; 417: cannot be checked now, come again. */
  | { readonly kind: 'refused'; readonly status: 401 | 403 | 417 }

/** Checks one set of credentials. Counts failures; one message may ask once for each nonce that is possible. */
export interface LoginVerifier {
  verify(credentials: SyncmlCredentials, remoteAddress: string): Promise<LoginVerdict>
}

/** Nonces of one user on one device. */
export interface Nonces {
  /** Issued with the last accepted login. */
  readonly next?: Uint8Array
  /** The one before: the answer that carried `next` may have been lost. Accepted once. */
  readonly previous?: Uint8Array
  /** Issued with the last challenge. */
  readonly challenge?: Uint8Array
}

export interface NonceStore {
  read(userName: string, deviceId: string): Promise<Nonces>
  /** After a login: `nonces` replace all that is held, challenge included. Durable when it returns. */
  accept(userName: string, deviceId: string, nonces: Nonces): Promise<void>
  /** Remembers a challenge beside what is held; an adapter may forget it 15 minutes after `now`. */
  challenge(userName: string, deviceId: string, nonce: Uint8Array, now: number): Promise<void>
}

export interface AuthenticateDeps {
  readonly verifier: LoginVerifier
  readonly nonces: NonceStore
  readonly random: (length: number) => Uint8Array
  readonly clock: () => number
}

export type Authentication =
  | { readonly kind: 'accepted'; readonly peer: Peer; readonly chal: Chal | undefined }
  | { readonly kind: 'challenged'; readonly status: 401 | 407; readonly chal: Chal }
  | { readonly kind: 'refused'; readonly status: 403 | 417 }

/** Judges the credentials of a SyncHdr. */
export async function authenticate(
  deps: AuthenticateDeps,
  header: SyncHdr,
  version: SyncmlVersion,
  remoteAddress: string,
): Promise<Authentication> {
  const deviceId = header.source.locUri
  const offer = readOffer(header)
  if (offer === undefined) {
    return challenge(deps, header.source.locName ?? '', deviceId, version, header.cred ? 401 : 407)
  }
  const held = await deps.nonces.read(offer.userName, deviceId)
  for (const nonce of offer.scheme === 'basic' ? [new Uint8Array()] : await candidates(deps, held, deviceId)) {
    const verdict = await deps.verifier.verify({ ...offer, deviceId, nonce, verDtd: version }, remoteAddress)
    if (verdict.kind === 'accepted') {
      const chal = offer.scheme === 'md5' ? await renew(deps, offer.userName, deviceId, held, nonce) : undefined
      return { kind: 'accepted', peer: verdict.peer, chal }
    }
    if (verdict.status !== 401) return { kind: 'refused', status: verdict.status }
  }
  return challenge(deps, offer.userName, deviceId, version, 401)
}

/** Nonces a digest may be made with, likeliest first. The empty one only while no login was ever accepted. */
async function candidates(deps: AuthenticateDeps, held: Nonces, deviceId: string): Promise<Uint8Array[]> {
  // A challenge to a message without user name is kept under the empty one.
  const anonymous = (await deps.nonces.read('', deviceId)).challenge
  const list = [held.next ?? new Uint8Array(), held.challenge, held.previous, anonymous]
  return list.filter((nonce) => nonce !== undefined)
}

async function renew(
  deps: AuthenticateDeps,
  userName: string,
  deviceId: string,
  held: Nonces,
  used: Uint8Array,
): Promise<Chal> {
  const next = newNonce(deps.random)
  // "Once more" (OM-11): a nonce that was used as the previous one is not kept a second time.
  const again = held.previous !== undefined && sameOctets(used, held.previous)
  await deps.nonces.accept('', deviceId, {})
  await deps.nonces.accept(userName, deviceId, again || used.length === 0 ? { next } : { next, previous: used })
  return md5Chal(next)
}

async function challenge(
  deps: AuthenticateDeps,
  userName: string,
  deviceId: string,
  version: SyncmlVersion,
  status: 401 | 407,
): Promise<Authentication> {
  // 1.0 stacks know basic; their md5 has another formula and is rarely there.
  if (version === '1.0') return { kind: 'challenged', status, chal: { meta: { format: 'b64', type: AUTH_BASIC } } }
  const nonce = newNonce(deps.random)
  await deps.nonces.challenge(userName, deviceId, nonce, deps.clock())
  return { kind: 'challenged', status, chal: md5Chal(nonce) }
}

function md5Chal(nextNonce: Uint8Array): Chal {
  return { meta: { format: 'b64', type: AUTH_MD5, nextNonce } }
}

/** 16 random octets as printable ASCII: some clients cannot keep NUL (reference 5.1). 6 bits each, 96 in all. */
function newNonce(random: (length: number) => Uint8Array): Uint8Array {
  return random(16).map((octet) => 0x30 + (octet & 0x3f))
}

interface Offer {
  readonly scheme: 'basic' | 'md5'
  readonly userName: string
  readonly data: Uint8Array
}

function readOffer(header: SyncHdr): Offer | undefined {
  const { cred } = header
  if (!cred) return undefined
  const type = (cred.meta?.type ?? AUTH_BASIC).trim().toLowerCase()
  if (type === AUTH_MD5) {
    const data = parseMd5Credential(cred.data)
    return data && { scheme: 'md5', userName: header.source.locName ?? '', data }
  }
  const pair = type === AUTH_BASIC ? parseBasicCredential(cred.data) : undefined
  return pair && { scheme: 'basic', userName: pair.user, data: encodeUtf8(`${pair.user}:${pair.password}`) }
}

/** The version of a header, or the Status that refuses it (OM-10). */
export function readVersion(header: SyncHdr): SyncmlVersion | 505 | 513 {
  const version = header.verDtd.trim()
  if (version !== '1.0' && version !== '1.1' && version !== '1.2') return 505
  return header.verProto.trim().toLowerCase() === `syncml/${version}` ? version : 513
}

/** MsgID as a number. @throws {CodedError} `protocol.malformed` if it is none. */
export function readMsgId(header: SyncHdr): number {
  const text = header.msgId.trim()
  if (!/^\d{1,9}$/.test(text))
    throw new CodedError('protocol.malformed', `message id ${text.slice(0, 20)} is no number`)
  return Number(text)
}
