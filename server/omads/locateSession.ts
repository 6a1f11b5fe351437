/**
 * Which session a message belongs to (OM-2, OM-3, OM-14), and the address of the next one (RespURI).
 */

import type { SessionRecord, SessionStore, SessionSummary } from './sessionStore.ts'

/** One HTTP request with its body. */
export interface OmadsRequest {
  readonly bytes: Uint8Array
  readonly contentType: string
  /** Path and query, or absolute. */
  readonly url: string
  /** `Host` header. */
  readonly host?: string
  /** Header `x-syncml-hmac`: credentials that cover the message, in place of Cred. */
  readonly hmac?: string
  readonly remoteAddress: string
  /** Header `nightferry-window`: when our own agent comes next. */
  readonly window?: string
  /** Header `nightferry-installation`: by what our own agent is told from a copy of it. */
  readonly installation?: string
}

/** A session found, and how: the token is proof, ids alone are a claim. */
export interface Located {
  readonly record: SessionRecord
  readonly by: 'token' | 'ids'
}

/** What a message says about itself. */
export interface MessageIds {
  readonly deviceId: string
  readonly sessionId: string
  readonly msgId: number
  /** SHA-256 of the body, hex. */
  readonly digest: string
}

/** Finds the session of a message; by ids a resent one is preferred, then one that logged in. */
export async function locateSession(
  store: SessionStore,
  request: OmadsRequest,
  ids: MessageIds,
): Promise<Located | undefined> {
  const token = tokenOf(request)
  const record = token === undefined ? undefined : await store.findByToken(token)
  // The device id is compared too: messages wait for each other by it.
  if (record && names(record, ids)) return { record, by: 'token' }
  const named = (await store.findByDevice(ids.deviceId)).filter((r) => names(r, ids))
  // A session that goes on is meant before one that ended under the same ids.
  const found = named.find((r) => isResent(r, ids)) ?? named.find(isActive) ?? named[0]
  const whole = found && (await store.findByToken(found.state.identity.token))
  return whole && { record: whole, by: 'ids' }
}

function names({ state }: SessionSummary, ids: MessageIds): boolean {
  return state.identity.sessionId === ids.sessionId && state.identity.deviceId === ids.deviceId
}

function isActive({ state }: SessionSummary): boolean {
  return state.phase !== 'fresh' && state.phase !== 'ended'
}

/** True if this very message was the last one processed. */
export function isResent(record: SessionSummary, ids: MessageIds): boolean {
  return record.answer.msgId === ids.msgId && record.answer.requestDigest === ids.digest
}

/** The session token in the request's address. */
export function tokenOf(request: OmadsRequest): string | undefined {
  // The first message of a session has no token: most are not worth taking apart.
  if (!request.url.includes('?')) return undefined
  const token = addressOf(request).searchParams.get('s')
  return token !== null && /^[0-9a-f]{32}$/.test(token) ? token : undefined
}

/** Where the client sends its next message: the public address if one is configured, else as it reached us. */
export function respUri(request: OmadsRequest, publicUrl: string | undefined, token: string): string {
  const address = publicUrl === undefined ? addressOf(request) : new URL(publicUrl)
  address.search = `?s=${token}`
  address.hash = ''
  return address.href
}

function addressOf(request: OmadsRequest): URL {
  const host = request.host !== undefined && /^[A-Za-z0-9.:[\]_-]+$/.test(request.host) ? request.host : 'localhost'
  return URL.parse(request.url, `http://${host}`) ?? new URL(`http://${host}`)
}
