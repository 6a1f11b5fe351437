/**
 * The session as a value: what it holds in each phase, and the events that can happen to it.
 * Everything here is plain JSON: what survives a restart is this value, written down (OM-4).
 */

import type { Command, Encoding, StatusCommand, SyncmlVersion } from '../../schemas/syncml/message.ts'
import type { DatastoreState, Peer, SyncType } from '../datastore/datastore.ts'
import type { ItemForClient, SyncDatastore } from '../datastore/syncDatastore.ts'
import type { HeldKey, HeldObject, SentObject } from './heldObjects.ts'
import type { CompletedObject, IncomingObject } from './largeObject.ts'
import type { OwedStatuses } from './owedStatuses.ts'

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

/** One datastore that an Alert of this session opened. */
export interface DatastoreLink {
  readonly uri: string
  /** URIs in the client's own spelling, for our references. */
  readonly clientTarget: string
  readonly clientSource: string
  readonly kind: SyncDatastore['kind']
  readonly type: SyncType
  /** The client's `Next`. */
  readonly clientNext: string
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
  /** Package 4 for this datastore: `total` Items in the datastore's fixed order, the one at `cursor` is next. */
  readonly sendsSync: boolean
  readonly syncSent: boolean
  readonly total: number
  readonly cursor: number
  /** Octets of the Item under the cursor that were sent. */
  readonly offset: number
  /** Where the chunk of it that was sent last begins, its id, and a digest of its octets; empty for an `object`. */
  readonly chunkFrom: number
  readonly objectId: string
  readonly digest: string
  /** A broken session is gone on with: chunks say where they belong, and one object is not sent from its beginning. */
  readonly resumed: boolean
  readonly interrupted: SentObject | null
  /** How often the Item under the cursor was begun again after Alert 223. */
  readonly restarts: number
}

/** How this server proves itself to the client (OM-36). */
export interface OwnProof {
  /** What the header of our next answer proves; the nonce in base64. */
  readonly due: { readonly scheme: 'basic' | 'md5'; readonly nonce: string } | null
  /** Challenges so far. */
  readonly challenges: number
}

/** A datastore that asks for a password of its own. */
export interface ChallengedDatastore {
  readonly uri: string
  /** URI in the client's own spelling. */
  readonly target: string
  /** Wrong passwords so far. */
  readonly tries: number
}

/** One of our Items on the wire. */
export interface SentItem {
  readonly command: ItemForClient['command']
  readonly id: string
}

/** Our Items of one message and datastore, waiting for their Statuses. */
export interface SentItems {
  readonly msgId: number
  readonly uri: string
  /** CmdIDs count up from here; null where the Status has come. */
  readonly firstCmdId: number
  readonly items: readonly (SentItem | null)[]
  /** More chunks of the last one follow. */
  readonly more: boolean
}

/** Commands without CmdID that did not fit yet; Statuses go first. */
export interface Outbox {
  readonly statuses: OwedStatuses
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
  /** The client was told to wait for the last answer, and may ask for it by Alert 221 (OM-34). */
  readonly awaited: boolean
}

/** Nobody has logged in yet; such a session is never kept (OM-25). */
export interface Fresh extends Common {
  readonly phase: 'fresh'
}

interface Active extends Common {
  readonly peer: Peer
  /** From the client's device information; absent means not known. */
  readonly peerLargeObjects: boolean
  readonly peerNumberOfChanges: boolean
  readonly links: readonly DatastoreLink[]
  /** Datastores that were asked for without their password (OM-35). */
  readonly challenged: readonly ChallengedDatastore[]
  readonly incoming: IncomingObject | null
  readonly completed: CompletedObject | null
  /** Spools opened so far; makes their ids unique in the session. */
  readonly spoolCount: number
  readonly outbox: Outbox
  readonly sent: readonly SentItems[]
  /** The client closed its package and our answer to it is not complete yet. */
  readonly peerClosed: boolean
  readonly proof: OwnProof
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

export type EndReason = 'complete' | 'refused' | 'suspended' | 'aborted' | 'expired' | 'replaced'

export interface Ended extends Common {
  readonly phase: 'ended'
  readonly reason: EndReason
}

/** A session past authentication. */
export type ActiveState = Open | Sending | Closing
export type SessionState = Fresh | ActiveState | Ended

/** What package 4 holds for one datastore. */
export interface SendPlan {
  readonly uri: string
  readonly state: DatastoreState
  readonly total: number
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
  | { readonly kind: 'authenticated'; readonly peer: Peer; readonly proof: OwnProof }
  | { readonly kind: 'proof'; readonly proof: OwnProof }
  | { readonly kind: 'described'; readonly largeObjects: boolean; readonly numberOfChanges: boolean }
  | { readonly kind: 'linked'; readonly link: DatastoreLink }
  | { readonly kind: 'challenged'; readonly challenged: ChallengedDatastore }
  | { readonly kind: 'syncing'; readonly uri: string }
  | { readonly kind: 'object'; readonly incoming: IncomingObject | null }
  | { readonly kind: 'resumed'; readonly uri: string; readonly held: Omit<HeldObject, keyof HeldKey | 'heldAt'> }
  | { readonly kind: 'object-completed'; readonly completed: CompletedObject }
  | { readonly kind: 'applied'; readonly uri: string; readonly state: DatastoreState }
  | { readonly kind: 'owing'; readonly statuses: readonly StatusCommand[]; readonly commands: readonly Command[] }
  /** What is left of `sent`, and the datastores whose object was refused before its last chunk. */
  | { readonly kind: 'items-answered'; readonly sent: readonly SentItems[]; readonly refused: readonly string[] }
  | { readonly kind: 'object-broken'; readonly uri: string }
  | { readonly kind: 'package-closed'; readonly plans: readonly SendPlan[] }
  | {
      readonly kind: 'answered'
      readonly msgId: number
      readonly outbox: Outbox
      readonly links: readonly DatastoreLink[]
      readonly sent: readonly SentItems[]
      /** Nothing is left to send in this package. */
      readonly complete: boolean
    }
  | { readonly kind: 'awaited' }
  /** The last answer went out again, as answer `ownMsgId` to message `msgId`, its CmdIDs higher by `shift`. */
  | { readonly kind: 'repeated'; readonly msgId: number; readonly ownMsgId: number; readonly shift: number }
  | { readonly kind: 'ended'; readonly reason: EndReason }
