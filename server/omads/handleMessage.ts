/**
 * The session engine's door: one HTTP request in, one answer out (OM-1). Finds the session, lets the commands run,
 * stores state and answer, and only then answers (OM-4). Nothing thrown leaves it (OM-9).
 */

import { hash } from 'node:crypto'
import { CodedError, errorEntry } from '../../schemas/errors.ts'
import { MAX_MESSAGE_BYTES } from '../../schemas/limits.ts'
import { decodeMessage, encodingOf } from '../../schemas/syncml/codec.ts'
import { STATUS } from '../../schemas/syncml/codes.ts'
import type { Encoding, Message, SyncmlVersion } from '../../schemas/syncml/message.ts'
import { step } from '../steps.ts'
import { httpError, type OmadsReply, ownHeader, type Refusal, refusalMessage, toReply } from './answer.ts'
import { authenticate, readMsgId, readVersion } from './authenticate.ts'
import { type BusyOptions, createBusySignals, type InHand } from './busySignal.ts'
import { isSyncAlert } from './chooseSyncMode.ts'
import type { CommandDeps } from './commands/commandContext.ts'
import { endSession } from './endSession.ts'
import { createExpiry } from './expire.ts'
import { forgetSessions } from './forgetSessions.ts'
import { backedUpDatabase, type InstallationGate } from './installationGate.ts'
import { isResultAlert } from './isResultAlert.ts'
import { createKeyedLock } from './keyedLock.ts'
import { isResent, type Located, locateSession, type MessageIds, type OmadsRequest } from './locateSession.ts'
import { firstProof } from './proveServer.ts'
import { isAwaited, repeatAnswer } from './repeatAnswer.ts'
import { runMessage } from './runMessage.ts'
import { newSession, transition } from './session.ts'
import { comeLater, refuseQuota, type SessionGate } from './sessionGate.ts'
import type { ActiveState } from './sessionState.ts'
import type { SessionRecord, SessionStore } from './sessionStore.ts'

/** Parts the engine is built from. */
export interface OmadsDeps extends CommandDeps {
  readonly sessions: SessionStore
  /** Reads a message; at once if absent. May be of another thread (OM-24). */
  decode?(bytes: Uint8Array, encoding: Encoding, from: string): Promise<Message>
  /** Why a peer that logged in may not go on, if so; asked with each further message of its session. */
  stopped?(peer: ActiveState['peer']): Promise<string | undefined>
  /** Told of each exchange that could be read; returns at once and never throws. */
  trace?(exchange: TracedMessages): void
  /** Address for RespURI; without it the request's own is used. */
  readonly publicUrl?: string
  /** When a client is told that its message is still worked on; never if absent (OM-34). */
  readonly busy?: BusyOptions
  /** Who may begin a session now, and what devices are told beside the protocol; all may, and nothing is, if absent. */
  readonly gate?: SessionGate
  /** Whether a device was copied; not asked if absent. */
  readonly installations?: InstallationGate
  /** Milliseconds after which a silent session is abandoned and an ended one forgotten; 15 minutes if absent. */
  readonly idleTimeoutMs?: number
}

/** The engine; `expireIdle` is to be called now and then, and once after a start. */
export interface Omads {
  (request: OmadsRequest): Promise<OmadsReply>
  /** Abandons silent sessions, forgets ended ones, drops spools no session owns; how many sessions went. */
  expireIdle(): Promise<number>
  /** Resolves when nothing is worked on any more for clients that were told to wait; for an orderly end. */
  settled(): Promise<void>
}

/** What is known of a message before its session is. */
export interface Arrival {
  readonly request: OmadsRequest
  readonly message: Message
  readonly encoding: Encoding
  readonly version: SyncmlVersion
  readonly ids: MessageIds
  readonly inHand: InHand
}

/** What passed between a client and us, for whoever looks into it. */
export interface TracedMessages {
  /** As the message claims. */
  readonly deviceId: string
  readonly sessionId: string
  readonly msgId: number
  readonly remoteAddress: string
  readonly encoding: Encoding
  readonly received: Uint8Array
  /** Absent if the answer is no SyncML. */
  readonly sent?: Uint8Array
}

/** Messages of one session that may try to log in. */
const MAX_ATTEMPTS = 3

const VERSIONS = { 505: ['1.0', '1.1', '1.2'], 513: ['SyncML/1.0', 'SyncML/1.1', 'SyncML/1.2'] } as const

export function createOmads(deps: OmadsDeps): Omads {
  const lock = createKeyedLock()
  const signals = createBusySignals(deps.busy, deps.publicUrl)
  const work = async (arrival: Arrival): Promise<OmadsReply> => {
    try {
      return await lock(arrival.ids.deviceId, () => receive(deps, arrival))
    } catch (error) {
      return failure(deps, error)
    }
  }
  const handle = async (request: OmadsRequest): Promise<OmadsReply> => {
    try {
      step('receive')
      const encoding = encodingOf(request.contentType)
      if (encoding === undefined) return httpError(415)
      if (request.bytes.length > MAX_MESSAGE_BYTES) return httpError(413)
      const read = deps.decode?.(request.bytes, encoding, request.remoteAddress)
      const message = (await read) ?? decodeMessage(request.bytes, encoding)
      const version = readVersion(message.header)
      if (typeof version === 'number') {
        return refuse(message, '1.2', encoding, { status: version, versions: VERSIONS[version] })
      }
      const { sessionId, source } = message.header
      const digest = hash('sha256', request.bytes, 'hex')
      const ids = { deviceId: source.locUri, sessionId, msgId: readMsgId(message.header), digest }
      const arrival = { request, message, encoding, version, ids }
      return await traced(deps, arrival, () => signals.run(arrival, work))
    } catch (error) {
      return failure(deps, error)
    }
  }
  return Object.assign(handle, { expireIdle: createExpiry(deps, lock), settled: signals.settled })
}

function failure(deps: OmadsDeps, error: unknown): OmadsReply {
  if (error instanceof CodedError && error.code !== 'internal') return httpError(errorEntry(error.code).http)
  deps.log.error('a message could not be handled', { error })
  return httpError(500)
}

/** Runs `work` and tells of the message and its answer, whatever comes of it. */
async function traced(
  deps: OmadsDeps,
  { request, encoding, ids }: Omit<Arrival, 'inHand'>,
  work: () => Promise<OmadsReply>,
) {
  const { deviceId, sessionId, msgId } = ids
  const { bytes: received, remoteAddress } = request
  let sent: { readonly sent?: Uint8Array } = {}
  try {
    const reply = await work()
    if (reply.contentType !== undefined) sent = { sent: reply.bytes }
    return reply
  } finally {
    deps.trace?.({ deviceId, sessionId, msgId, remoteAddress, encoding, received, ...sent })
  }
}

async function receive(deps: OmadsDeps, arrival: Arrival): Promise<OmadsReply> {
  const { request, ids } = arrival
  const located = await locateSession(deps.sessions, request, ids)
  if (located && isResent(located.record, ids)) {
    const { contentType, bytes } = located.record.answer
    return { status: 200, contentType, bytes }
  }
  if (located && isAwaited(located, arrival)) return repeatAnswer(deps, arrival, located.record)
  const state = located?.record.state
  if (!located || !state || state.phase === 'ended' || state.phase === 'fresh') return begin(deps, arrival)
  if (trusts(located, state, arrival))
    return (await stopIfFenced(deps, arrival, located.record, state)) ?? goOn(deps, arrival, located.record, state)
  return claim(deps, arrival, located.record, state)
}

/** OM-14: ids alone are no proof; the address that logged in is taken for one while no credentials come along. */
function trusts(located: Located, state: ActiveState, arrival: Arrival): boolean {
  if (located.by === 'token') return true
  const { header } = arrival.message
  return (
    header.cred === undefined && arrival.ids.msgId > 1 && state.identity.remoteAddress === arrival.request.remoteAddress
  )
}

/** ID-4: whose device was fenced meanwhile has no session any more. */
async function stopIfFenced(
  deps: OmadsDeps,
  arrival: Arrival,
  record: SessionRecord,
  state: ActiveState,
): Promise<OmadsReply | undefined> {
  const why = await deps.stopped?.(state.peer)
  if (why === undefined) return undefined
  const ended = await endSession(deps, state, 'aborted')
  await deps.sessions.save({ ...record, state: ended, touchedAt: deps.clock() })
  return refuse(arrival.message, arrival.version, arrival.encoding, { status: STATUS.forbidden, why })
}

/** A message whose session is known and proven. */
async function goOn(deps: OmadsDeps, arrival: Arrival, record: SessionRecord, state: ActiveState): Promise<OmadsReply> {
  const { version, encoding } = state.identity
  const same = arrival.version === version && arrival.encoding === encoding
  if (same && arrival.ids.msgId === state.lastMsgId + 1)
    return runMessage(deps, arrival, state, { last: record.answer })
  // The work it asks about died with an earlier process, and is begun anew with its message (OM-34).
  if (same && arrival.ids.msgId > state.lastMsgId && isResultAlert(arrival.message)) {
    return refuse(arrival.message, version, encoding, { status: STATUS.requestTimeout })
  }
  const ended = await endSession(deps, state, 'aborted')
  await deps.sessions.save({ ...record, state: ended, touchedAt: deps.clock() })
  return refuse(arrival.message, arrival.version, arrival.encoding, { status: STATUS.badRequest })
}

/** A message that names a session by ids only: its credentials decide, and a wrong guess leaves the session alone. */
async function claim(
  deps: OmadsDeps,
  arrival: Arrival,
  record: SessionRecord,
  state: ActiveState,
): Promise<OmadsReply> {
  const { message, version, encoding, request } = arrival
  if (arrival.ids.msgId === 1) return begin(deps, arrival)
  const login = await authenticate(deps, message.header, version, request)
  if (login.kind === 'accepted') await login.confirm()
  if (login.kind === 'accepted' && login.peer.accountId === state.peer.accountId)
    return goOn(deps, arrival, record, state)
  const refusal =
    login.kind === 'challenged' ? { status: login.status, chal: login.chal } : { status: STATUS.forbidden }
  return refuse(message, version, encoding, refusal)
}

/** First message of a session, or a further try to log in: of a session without a login nothing is kept (OM-25). */
async function begin(deps: OmadsDeps, arrival: Arrival): Promise<OmadsReply> {
  const { message, version, encoding, request, ids } = arrival
  // The session is gone: an answer that makes the client begin again, without asking for credentials first.
  if (ids.msgId !== 1 && !isFurtherTry(arrival)) {
    return refuse(message, version, encoding, { status: STATUS.requestTimeout })
  }
  const laterS = ids.msgId === 1 ? deps.gate?.deferAll() : undefined
  if (laterS !== undefined) return comeLater(laterS)
  const login = await authenticate(deps, message.header, version, request)
  if (login.kind === 'accepted') {
    const { installation } = request
    const check = await deps.installations?.check(login.peer, installation, backedUpDatabase(message))
    if (check?.kind === 'refused')
      return refuse(message, version, encoding, { status: STATUS.forbidden, why: check.why }, ids.msgId)
    const kept = await deps.gate?.begin(login.peer)
    if (kept?.kind === 'later') return comeLater(kept.retryAfterS)
    if (kept) return refuseQuota(refuse(message, version, encoding, { status: STATUS.retryLater }, ids.msgId), kept)
    const fresh = newSession(identityOf(deps, arrival), ids.msgId - 1)
    await replaceOthers(deps, login.peer.accountId, ids.deviceId)
    const proof = await firstProof(deps.ownLogins, login.peer)
    const confirm = async (): Promise<void> => {
      await Promise.all([login.confirm(), check?.confirm()])
    }
    const started = transition(fresh, { kind: 'authenticated', peer: login.peer, proof })
    return runMessage(deps, arrival, started, { login: { ...login, confirm } })
  }
  const refusal = login.kind === 'challenged' ? { status: login.status, chal: login.chal } : login
  return refuse(message, version, encoding, refusal, ids.msgId)
}

/** Package 1 again, with the credentials that were asked for in the answer before. */
function isFurtherTry({ message, ids, request }: Arrival): boolean {
  const offers = message.header.cred !== undefined || request.hmac !== undefined
  if (ids.msgId < 1 || ids.msgId > MAX_ATTEMPTS || !offers) return false
  return message.commands.some(
    (c) => c.name === 'Get' || c.name === 'Put' || (c.name === 'Alert' && isSyncAlert((c.data ?? '').trim())),
  )
}

/** OM-2: one session per device; only after its owner has logged in, or anyone could end it. */
async function replaceOthers(deps: OmadsDeps, accountId: string, deviceId: string): Promise<void> {
  for (const { state } of await forgetSessions(deps.sessions, deviceId)) {
    if (state.phase === 'fresh' || state.phase === 'ended') continue
    if (state.peer.accountId !== accountId) continue
    const ended = await endSession(deps, state, 'replaced')
    const record = await deps.sessions.findByToken(state.identity.token)
    if (record) await deps.sessions.save({ ...record, state: ended })
  }
}

function identityOf(deps: OmadsDeps, arrival: Arrival): ActiveState['identity'] {
  const { message, version, encoding, request, ids } = arrival
  return {
    token: Buffer.from(deps.random(16)).toString('hex'),
    sessionId: ids.sessionId,
    deviceId: ids.deviceId,
    version,
    encoding,
    serverUri: message.header.target.locUri,
    remoteAddress: request.remoteAddress,
  }
}

/** A refusal that is not part of any session: it is made anew each time, so nothing is stored. */
function refuse(message: Message, version: SyncmlVersion, encoding: Encoding, refusal: Refusal, msgId = 1): OmadsReply {
  const header = ownHeader(message.header, version, { serverUri: message.header.target.locUri, msgId })
  return toReply(refusalMessage(message, header, encoding, refusal), encoding)
}
