/**
 * The session as a value, and its pure transition.
 *
 *   challenged -> open -> sending -> closing -> ended
 *
 * `open` takes packages 1 and 3, `sending` gives package 4 slice by slice, `closing` waits for package 5.
 * Everything here is plain JSON: what survives a restart is this value, written down (OM-4).
 */

import { CodedError } from '../../schemas/errors.ts'
import { isSuccess } from '../../schemas/syncml/codes.ts'
import type { Command, Encoding, SyncmlVersion } from '../../schemas/syncml/message.ts'
import type { DatastoreState, Peer, SyncType } from '../datastore/datastore.ts'
import type { IncomingObject } from './largeObject.ts'

/** What names a session and never changes while it lives. */
export interface SessionIdentity {
  /** Random, in RespURI; knowing it is being in the session. */
  readonly token: string
  readonly sessionId: string
  readonly deviceId: string
  readonly version: SyncmlVersion
  readonly encoding: Encoding
  /** Our name as the client first wrote it; clients compare it with their configuration. */
  readonly serverUri: string
  /** Where the session came from; see OM-14. */
  readonly remoteAddress: string
}

/** An Item for the client as it waits in the session; its octets stay in the datastore. */
export interface WaitingItem {
  readonly command: 'Add' | 'Replace' | 'Delete'
  readonly id: string
  readonly type: string
  readonly sizeBytes: number
}

/** One datastore that an Alert of this session opened. */
export interface DatastoreLink {
  readonly uri: string
  /** URIs in the client's own spelling, for our references. */
  readonly clientTarget: string
  readonly clientSource: string
  readonly type: SyncType
  readonly state: DatastoreState
  /** The client told its position: one of our own. */
  readonly own: boolean
  /** Largest object the client takes, 0 if it said nothing; and the largest we take. */
  readonly peerMaxObjSize: number
  readonly ownMaxObjSize: number
  /** The Alert was answered 508: Sync commands of the same package are not executed. */
  readonly blocked: boolean
  /** A Sync arrived in the package that is open now. */
  readonly synced: boolean
  readonly finished: boolean
  /** Package 4 for this datastore. */
  readonly sendsSync: boolean
  readonly syncSent: boolean
  readonly items: readonly WaitingItem[]
  readonly cursor: number
  /** Octets of the Item under the cursor that were sent. */
  readonly offset: number
  /** How often the Item under the cursor was begun again after Alert 223. */
  readonly restarts: number
  readonly acknowledged: readonly string[]
}

/** One of our Items on the wire, waiting for its Status. */
export interface SentItem {
  readonly msgId: number
  readonly cmdId: string
  readonly uri: string
  readonly id: string
  /** More chunks of it follow. */
  readonly more: boolean
}

/** Commands without CmdID that did not fit yet; Statuses go first. */
export interface Outbox {
  readonly statuses: readonly Command[]
  readonly commands: readonly Command[]
}

interface Common {
  readonly identity: SessionIdentity
  /** MsgID of the last message of the client, and of our last answer. */
  readonly lastMsgId: number
  readonly ownMsgId: number
  /** Octets; 0 if the client said nothing. */
  readonly peerMaxMsgSize: number
  readonly peerMaxObjSize: number
}

export interface Challenged extends Common {
  readonly phase: 'challenged'
  readonly attempts: number
}

interface Active extends Common {
  readonly peer: Peer
  /** From the client's device information; absent means not known. */
  readonly peerLargeObjects: boolean
  readonly peerNumberOfChanges: boolean
  readonly links: readonly DatastoreLink[]
  readonly incoming: IncomingObject | null
  /** Spools opened so far; makes their ids unique in the session. */
  readonly spoolCount: number
  readonly outbox: Outbox
  readonly sent: readonly SentItem[]
  /** The client closed its package and our answer to it is not complete yet. */
  readonly peerClosed: boolean
}

export interface Open extends Active {
  readonly phase: 'open'
}
export interface Sending extends Active {
  readonly phase: 'sending'
}
export interface Closing extends Active {
  readonly phase: 'closing'
}

export type EndReason = 'complete' | 'refused' | 'aborted' | 'expired' | 'replaced'

export interface Ended extends Common {
  readonly phase: 'ended'
  readonly reason: EndReason
}

/** A session past authentication. */
export type ActiveState = Open | Sending | Closing
export type SessionState = Challenged | ActiveState | Ended

/** What package 4 holds for one datastore. */
export interface SendPlan {
  readonly uri: string
  readonly state: DatastoreState
  readonly items: readonly WaitingItem[]
  readonly sendsSync: boolean
  readonly finished: boolean
}

export type SessionEvent =
  | {
      readonly kind: 'message'
      readonly msgId: number
      readonly maxMsgSize: number | undefined
      readonly maxObjSize: number | undefined
    }
  | { readonly kind: 'authenticated'; readonly peer: Peer }
  | { readonly kind: 'challenged' }
  | { readonly kind: 'described'; readonly largeObjects: boolean; readonly numberOfChanges: boolean }
  | { readonly kind: 'linked'; readonly link: DatastoreLink }
  | { readonly kind: 'syncing'; readonly uri: string }
  | { readonly kind: 'object'; readonly incoming: IncomingObject | null }
  | { readonly kind: 'applied'; readonly uri: string; readonly state: DatastoreState }
  | { readonly kind: 'owing'; readonly statuses: readonly Command[]; readonly commands: readonly Command[] }
  | { readonly kind: 'item-answered'; readonly msgRef: number; readonly cmdRef: string; readonly status: number }
  | { readonly kind: 'mapped'; readonly uri: string; readonly guid: string }
  | { readonly kind: 'object-broken'; readonly uri: string }
  | { readonly kind: 'package-closed'; readonly plans: readonly SendPlan[] }
  | {
      readonly kind: 'answered'
      readonly msgId: number
      readonly outbox: Outbox
      readonly links: readonly DatastoreLink[]
      readonly sent: readonly SentItem[]
      /** Nothing is left to send in this package. */
      readonly complete: boolean
    }
  | { readonly kind: 'ended'; readonly reason: EndReason }

/** Failed logins of one session before it ends. */
const MAX_ATTEMPTS = 3

/** Times an object is begun again when the client reports it broken. */
const MAX_RESTARTS = 1

/** A session that was never seen before; nobody is authenticated yet. */
export function newSession(identity: SessionIdentity): Challenged {
  return {
    phase: 'challenged',
    identity,
    lastMsgId: 0,
    ownMsgId: 0,
    peerMaxMsgSize: 0,
    peerMaxObjSize: 0,
    attempts: 0,
  }
}

/**
 * The state after `event`.
 *
 * @throws {CodedError} `internal` for an event that cannot happen in this phase: the engine's mistake, never the peer's.
 */
export function transition(state: SessionState, event: SessionEvent): SessionState {
  if (event.kind === 'ended') return state.phase === 'ended' ? state : end(state, event.reason)
  if (state.phase === 'ended') return impossible(state, event)
  if (event.kind === 'message') {
    return {
      ...state,
      lastMsgId: event.msgId,
      peerMaxMsgSize: event.maxMsgSize ?? state.peerMaxMsgSize,
      peerMaxObjSize: event.maxObjSize ?? state.peerMaxObjSize,
    }
  }
  return state.phase === 'challenged' ? challengedTransition(state, event) : activeTransition(state, event)
}

function challengedTransition(state: Challenged, event: SessionEvent): SessionState {
  switch (event.kind) {
    case 'authenticated': {
      const { attempts: _, ...common } = state
      return {
        ...common,
        phase: 'open',
        peer: event.peer,
        peerLargeObjects: false,
        peerNumberOfChanges: false,
        links: [],
        incoming: null,
        spoolCount: 0,
        outbox: { statuses: [], commands: [] },
        sent: [],
        peerClosed: false,
      }
    }
    case 'challenged': {
      const attempts = state.attempts + 1
      return attempts >= MAX_ATTEMPTS ? end(state, 'refused') : { ...state, attempts }
    }
    case 'answered':
      return { ...state, ownMsgId: event.msgId }
    default:
      return impossible(state, event)
  }
}

function activeTransition(state: ActiveState, event: SessionEvent): SessionState {
  switch (event.kind) {
    case 'described':
      return { ...state, peerLargeObjects: event.largeObjects, peerNumberOfChanges: event.numberOfChanges }
    case 'linked':
      if (state.phase !== 'open') return impossible(state, event)
      return { ...state, links: [...state.links.filter((l) => l.uri !== event.link.uri), event.link] }
    case 'syncing':
      if (state.phase !== 'open') return impossible(state, event)
      return withLink(state, event.uri, () => ({ synced: true }))
    case 'object': {
      const opened = event.incoming?.kind === 'receiving' && state.incoming?.kind !== 'receiving'
      return { ...state, incoming: event.incoming, spoolCount: state.spoolCount + (opened ? 1 : 0) }
    }
    case 'applied':
      return withLink(state, event.uri, () => ({ state: event.state }))
    case 'owing':
      return {
        ...state,
        outbox: {
          statuses: [...state.outbox.statuses, ...event.statuses],
          commands: [...state.outbox.commands, ...event.commands],
        },
      }
    case 'item-answered':
      return itemAnswered(state, event)
    case 'mapped':
      return withLink(state, event.uri, (link) => acknowledge(link, event.guid))
    case 'object-broken':
      return withLink(state, event.uri, objectBroken)
    case 'package-closed':
      return packageClosed(state, event.plans)
    case 'answered':
      return answered(state, event)
    default:
      return impossible(state, event)
  }
}

function packageClosed(state: ActiveState, plans: readonly SendPlan[]): SessionState {
  const closed = { ...state, peerClosed: true }
  if (state.phase !== 'open') return closed
  const links = state.links.map((link): DatastoreLink => {
    const { uri: _, ...plan } = plans.find((p) => p.uri === link.uri) ?? { uri: link.uri }
    return { ...link, ...plan, blocked: false, synced: false, syncSent: false, cursor: 0, offset: 0 }
  })
  return plans.length > 0 ? { ...closed, links, phase: 'sending' } : { ...closed, links }
}

function answered(state: ActiveState, event: Extract<SessionEvent, { kind: 'answered' }>): SessionState {
  const { msgId: ownMsgId, outbox, links, sent } = event
  const next: ActiveState = { ...state, ownMsgId, outbox, links, sent }
  if (!event.complete) return next
  switch (next.phase) {
    case 'open':
      return { ...next, peerClosed: false }
    case 'sending':
      // Without a Sync of ours the client has nothing to answer: package 4 is the end.
      return links.some((l) => l.sendsSync) ? { ...next, phase: 'closing', peerClosed: false } : end(next, 'complete')
    case 'closing':
      return end(next, 'complete')
  }
}

function itemAnswered(state: ActiveState, event: Extract<SessionEvent, { kind: 'item-answered' }>): ActiveState {
  const item = state.sent.find((s) => s.msgId === event.msgRef && s.cmdId === event.cmdRef)
  if (!item) return state
  const rest = { ...state, sent: state.sent.filter((s) => s !== item) }
  if (isSuccess(event.status)) return item.more ? rest : withLink(rest, item.uri, (link) => acknowledge(link, item.id))
  // A refused chunk ends its object; the others go on (reference 3.11, "too large").
  return withLink(rest, item.uri, (link) =>
    item.more && link.items[link.cursor]?.id === item.id ? { cursor: link.cursor + 1, offset: 0, restarts: 0 } : {},
  )
}

function acknowledge(link: DatastoreLink, id: string): Partial<DatastoreLink> {
  return link.acknowledged.includes(id) ? {} : { acknowledged: [...link.acknowledged, id] }
}

function objectBroken(link: DatastoreLink): Partial<DatastoreLink> {
  if (link.offset === 0) return {}
  return link.restarts < MAX_RESTARTS
    ? { offset: 0, restarts: link.restarts + 1 }
    : { cursor: link.cursor + 1, offset: 0, restarts: 0 }
}

function withLink(
  state: ActiveState,
  uri: string,
  change: (link: DatastoreLink) => Partial<DatastoreLink>,
): ActiveState {
  return { ...state, links: state.links.map((l) => (l.uri === uri ? { ...l, ...change(l) } : l)) }
}

function end(state: SessionState, reason: EndReason): Ended {
  const { identity, lastMsgId, ownMsgId, peerMaxMsgSize, peerMaxObjSize } = state
  return { phase: 'ended', identity, lastMsgId, ownMsgId, peerMaxMsgSize, peerMaxObjSize, reason }
}

function impossible(state: SessionState, event: SessionEvent): never {
  throw new CodedError('internal', `session event ${event.kind} cannot happen in phase ${state.phase}`)
}
