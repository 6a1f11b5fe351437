/**
 * Who is talking (OM-11, reference 5.4). Takes credentials apart, tries the nonces a digest may have been made
 * with, and says what to answer. Which user may come in is the LoginVerifier's decision, never ours.
 */

import { hash } from 'node:crypto'
import { CodedError } from '../../schemas/errors.ts'
import {
  AUTH_BASIC,
  AUTH_MAC,
  AUTH_MD5,
  parseBasicCredential,
  parseHmacHeader,
  parseMd5Credential,
  sameOctets,
} from '../../schemas/syncml/credential.ts'
import type { Chal, Cred, SyncHdr, SyncmlVersion } from '../../schemas/syncml/message.ts'
import { encodeUtf8 } from '../../schemas/utf8.ts'
import type { SyncmlCredentials } from '../account/accountService.ts'
import type { Peer } from '../datastore/datastore.ts'
import { challengeNonce } from './challenge.ts'
import { challengedNonces, newNonce, possibleNonces, renewed } from './digestNonces.ts'
import type { OmadsRequest } from './locateSession.ts'

export type LoginVerdict =
  /** `nonce` is the one of the nonces that the digest was made with; empty for basic. */
  | { readonly kind: 'accepted'; readonly peer: Peer; readonly nonce: Uint8Array }
  /** 401: wrong; 403: known and not allowed; 417: cannot be checked now, come again. */
  | { readonly kind: 'refused'; readonly status: 401 | 403 | 417; readonly why?: string }

/** Checks one set of credentials, against all nonces that are possible at once: wrong ones are one failure. */
export interface LoginVerifier {
  verify(credentials: SyncmlCredentials, remoteAddress: string): Promise<LoginVerdict>
}

/** Nonces of one user on one device. */
export interface Nonces {
  /** Issued with the last accepted login. */
  readonly next?: Uint8Array
  /** The one before: the answer that carried `next` may have been lost. Accepted once. */
  readonly previous?: Uint8Array
}

export interface NonceStore {
  read(userName: string, deviceId: string): Promise<Nonces>
  /** After a login: `nonces` replace all that is held. Durable when it returns. */
  accept(userName: string, deviceId: string, nonces: Nonces): Promise<void>
}

export interface AuthenticateDeps {
  readonly verifier: LoginVerifier
  readonly nonces: NonceStore
  /** What challenges are derived by (OM-25). */
  readonly challengeKey: Uint8Array
  readonly random: (length: number) => Uint8Array
  readonly clock: () => number
}

export type Authentication =
  | {
      readonly kind: 'accepted'
      readonly peer: Peer
      readonly chal: Chal | undefined
      /** Makes the next nonce durable. Before the answer: until then the message may come again with its own nonce. */
      confirm(): Promise<void>
    }
  | { readonly kind: 'challenged'; readonly status: 401 | 407; readonly chal: Chal }
  | { readonly kind: 'refused'; readonly status: 403 | 417; readonly why?: string }

/** Judges the credentials of a SyncHdr. */
export async function authenticate(
  deps: AuthenticateDeps,
  header: SyncHdr,
  version: SyncmlVersion,
  request: Pick<OmadsRequest, 'remoteAddress' | 'hmac' | 'bytes'>,
): Promise<Authentication> {
  const { remoteAddress } = request
  const deviceId = header.source.locUri
  const { cred, source } = header
  const offer = (cred && readCred(cred, source.locName ?? '')) ?? readHmac(request)
  if (offer === undefined) {
    return challenge(deps, header.source.locName ?? '', deviceId, version, header.cred ? 401 : 407)
  }
  if (offer.scheme === 'basic') return judgeBasic(deps, offer, version, deviceId, remoteAddress)
  const held = await deps.nonces.read(offer.userName, deviceId)
  const possible = await candidates(deps, offer.userName, deviceId, held)
  const nonces = possible.map(({ nonce }) => coveredNonce(offer, nonce))
  const verdict = await deps.verifier.verify({ ...offer, deviceId, nonces, verDtd: version }, remoteAddress)
  if (verdict.kind === 'refused') {
    if (verdict.status !== 401) return { ...verdict, status: verdict.status }
    return challenge(deps, offer.userName, deviceId, version, 401, { held, offer })
  }
  const used = possible[nonces.findIndex((nonce) => sameOctets(nonce, verdict.nonce))]
  const next = newNonce(deps.random)
  const confirm = async (): Promise<void> => {
    await deps.nonces.accept(offer.userName, deviceId, renewed(held, used?.nonce ?? new Uint8Array(), next))
    // A challenge without a name serves once, too.
    if (used?.anonymous) await deps.nonces.accept('', deviceId, { next: newNonce(deps.random) })
  }
  return { kind: 'accepted', peer: verdict.peer, chal: chalFor(version, next, offer), confirm }
}

async function judgeBasic(
  deps: AuthenticateDeps,
  offer: Offer,
  version: SyncmlVersion,
  deviceId: string,
  remoteAddress: string,
): Promise<Authentication> {
  const verdict = await deps.verifier.verify({ ...offer, deviceId, nonces: [], verDtd: version }, remoteAddress)
  if (verdict.kind === 'accepted')
    return { kind: 'accepted', peer: verdict.peer, chal: undefined, confirm: async () => undefined }
  if (verdict.status !== 401) return { ...verdict, status: verdict.status }
  return challenge(deps, offer.userName, deviceId, version, 401)
}

/** Nonces a digest may be made with, likeliest first. */
async function candidates(
  deps: AuthenticateDeps,
  userName: string,
  deviceId: string,
  held: Nonces,
): Promise<readonly Candidate[]> {
  const { challengeKey, clock } = deps
  const own = possibleNonces(challengeKey, { userName, deviceId }, held, clock())
  // A client that was challenged before it said its name (first message without LocName).
  const nameless = { userName: '', deviceId }
  const before =
    userName === '' ? [] : challengedNonces(challengeKey, nameless, await deps.nonces.read('', deviceId), clock())
  return [...own.map((nonce) => ({ nonce, anonymous: false })), ...before.map((nonce) => ({ nonce, anonymous: true }))]
}

interface Candidate {
  readonly nonce: Uint8Array
  /** Of a challenge that was given before the client said its name. */
  readonly anonymous: boolean
}

/** `known`: the name's nonces if they were read already, and what the client came with. */
async function challenge(
  deps: AuthenticateDeps,
  userName: string,
  deviceId: string,
  version: SyncmlVersion,
  status: 401 | 407,
  known?: { readonly held: Nonces; readonly offer: Offer },
): Promise<Authentication> {
  const { next } = known?.held ?? (await deps.nonces.read(userName, deviceId))
  const nonce = challengeNonce(deps.challengeKey, { userName, deviceId, after: next }, deps.clock())
  return { kind: 'challenged', status, chal: chalFor(version, nonce, known?.offer) }
}

/** A challenge for a digest; who came with an HMAC is asked for one again. */
export function chalFor(version: SyncmlVersion, nextNonce: Uint8Array, offer?: Pick<Offer, 'covered'>): Chal {
  // 1.0 stacks know basic; their md5 has another formula and is rarely there.
  if (version === '1.0') return { meta: { format: 'b64', type: AUTH_BASIC } }
  const type = offer?.covered === undefined ? AUTH_MD5 : AUTH_MAC
  return { meta: { format: 'b64', type, nextNonce } }
}

interface Offer {
  readonly scheme: 'basic' | 'md5'
  readonly userName: string
  readonly data: Uint8Array
  /** Digest in base64 of the message that an HMAC covers. */
  readonly covered?: string
}

/** An HMAC is MD5 over a nonce to which the message's own digest was added (reference 5.1). */
function coveredNonce({ covered }: Offer, nonce: Uint8Array): Uint8Array {
  return covered === undefined ? nonce : Buffer.concat([nonce, Buffer.from(`:${covered}`)])
}

function readHmac({ hmac, bytes }: Pick<OmadsRequest, 'hmac' | 'bytes'>): Offer | undefined {
  const header = hmac === undefined ? undefined : parseHmacHeader(hmac)
  const data = header && parseMd5Credential({ kind: 'text', text: header.mac })
  if (!header || !data) return undefined
  const covered = hash('md5', bytes, 'base64')
  return { scheme: 'md5', userName: header.username, data, covered }
}

/** Credentials taken apart; `userName` is whose digest it is, basic says it itself. Undefined if they cannot be read. */
export function readCred(cred: Cred, userName: string): Offer | undefined {
  const type = (cred.meta?.type ?? AUTH_BASIC).trim().toLowerCase()
  if (type === AUTH_MD5) {
    const data = parseMd5Credential(cred.data)
    return data && { scheme: 'md5', userName, data }
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
