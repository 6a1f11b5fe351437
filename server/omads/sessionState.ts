/**
 * The session as a value: what it holds in each phase, and the events that can happen to it.
 * Everything here is plain JSON: what survives a restart is this value, written down (OM-4).
 */

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
