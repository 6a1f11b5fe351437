/**
 * The port between the OMA-DS session engine and whatever a session synchronizes.
 * A datastore decides on Alerts, takes complete Items, and offers Items for the client;
 * it knows nothing of messages, chunks, Statuses' layout or transport.
 * Everything it returns that must survive a restart is plain JSON (`state`).
 */

import type { PositionChain } from '../../schemas/syncml/position.ts'

/** Who is talking, after authentication. */
export interface Peer {
  readonly accountId: string
  readonly accountName: string
  /** The device's own id (`Source` of the SyncHdr), unique within the account. */
  readonly deviceId: string
}

/** Sync types a client may ask for (reference 3.3). */
export type SyncType = 200 | 201 | 202 | 203 | 204 | 205

/** One Alert of the client for one datastore. */
export interface SyncRequest {
  readonly type: SyncType
  readonly last?: string
  readonly next: string
  readonly maxObjSize?: number
  /** Our own clients say where they stand; classic ones do not. */
  readonly position?: PositionChain
}

/** JSON value a datastore keeps with the session; opaque to the engine. */
export type DatastoreState = Readonly<Record<string, unknown>>

/** The answer to an Alert. `type` is what the session goes on with; with 508 it differs from the request. */
export type SyncDecision =
  | {
      readonly status: 200 | 508
      readonly type: SyncType
      readonly last?: string
      readonly next: string
      readonly maxObjSize?: number
      /** Where the server stands, for our own clients. */
      readonly position?: PositionChain
      readonly state: DatastoreState
    }
  | { readonly status: 403 | 404 | 405 | 406 | 417 | 503 }

/** Content of a complete Item: small ones in memory, large ones in the sealed spool. */
export type ItemContent =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | { readonly kind: 'spool'; readonly spoolId: string; readonly sizeBytes: number }

/** One change by the client, complete. */
export type ItemChange =
  | {
      readonly kind: 'put'
      readonly command: 'Add' | 'Replace'
      readonly luid: string
      readonly type: string
      readonly content: ItemContent
    }
  | { readonly kind: 'delete'; readonly luid: string; readonly archive: boolean; readonly soft: boolean }

/** Status of one change. When it is in the 2xx range the change is durable. */
export interface ChangeOutcome {
  readonly status: number
  readonly state: DatastoreState
}

/** One Item for the client, read piece by piece so that memory does not follow its size. */
export interface OutgoingItem {
  readonly command: 'Add' | 'Replace' | 'Delete'
  /** Temporary GUID for Add, LUID for Replace and Delete. */
  readonly id: string
  readonly type: string
  readonly sizeBytes: number
  /** Octets `[offset, offset + length)`; must give the same octets each time while the session lives. */
  read(offset: number, length: number): Promise<Uint8Array>
}

export interface Datastore {
  /** Canonical URI, e.g. `./databases/app`. */
  readonly uri: string
  /** Sync types that the device information announces. */
  readonly syncTypes: readonly SyncType[]
  /** Content types as announced: `[type, version]`, preferred first. */
  readonly contentTypes: readonly (readonly [string, string])[]

  /** Decides on an Alert. Never changes data. */
  decide(peer: Peer, request: SyncRequest): Promise<SyncDecision>

  /** Applies one change, whole or not at all, durable before it returns a 2xx status. Repeats do no harm. */
  apply(peer: Peer, state: DatastoreState, change: ItemChange): Promise<ChangeOutcome>

  /**
   * What the client shall get: called when the client's package 3 is complete. Empty for one-way from client.
   * Called again with the state it returned for each message that carries Items, also after a restart:
   * the same ids and octets must come again.
   */
  outgoing(
    peer: Peer,
    state: DatastoreState,
  ): Promise<{ readonly items: readonly OutgoingItem[]; readonly state: DatastoreState }>

  /** The session ended regularly; `acknowledged` holds ids of outgoing Items with a 2xx Status. */
  finish(peer: Peer, state: DatastoreState, acknowledged: readonly string[]): Promise<void>

  /** The session was abandoned (expired, aborted, replaced by a newer one). Nothing half done may remain. */
  abandon(peer: Peer, state: DatastoreState): Promise<void>
}

/** Finds datastores by the URI a client names (reference 9.5: case, `./`, options are tolerated by the caller). */
export interface DatastoreRegistry {
  /** The datastore at a canonical URI for this peer, or undefined (Status 404). */
  find(peer: Peer, uri: string): Promise<Datastore | undefined>
  /** What the device information lists for this peer. */
  list(peer: Peer): Promise<readonly Datastore[]>
}
