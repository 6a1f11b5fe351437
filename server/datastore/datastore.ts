/**
 * Words that the session engine and every datastore share: who is talking, what a datastore keeps with a session, where
 * the octets of an Item lie, and how datastores are found. The port itself is in `syncDatastore.ts`.
 */

import type { SyncDatastore } from './syncDatastore.ts'

/** Who is talking, after authentication. */
export interface Peer {
  readonly accountId: string
  readonly accountName: string
  /** The device's own id (`Source` of the SyncHdr), unique within the account. */
  readonly deviceId: string
}

/** Sync types a client may ask for (reference 3.3). */
export type SyncType = 200 | 201 | 202 | 203 | 204 | 205

/** JSON value a datastore keeps with the session; opaque to the engine, and small: it is stored with each message. */
export type DatastoreState = Readonly<Record<string, unknown>>

/** Content of a complete Item: small ones in memory, large ones in the sealed spool. */
export type ItemContent =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | { readonly kind: 'spool'; readonly spoolId: string; readonly sizeBytes: number }

/** A large Item that is arriving: part of it lies in the spool. */
export interface ArrivingItem {
  readonly type: string
  readonly spoolId: string
  /** As announced. */
  readonly sizeBytes: number
  /** Octets from the start that are stored and acknowledged: they will not be written again. */
  readonly settledBytes: number
}

/** Finds datastores by the URI a client names (reference 9.5: case, `./`, options are tolerated by the caller). */
export interface DatastoreRegistry {
  /** The datastore at a URI for this peer, or undefined (Status 404). */
  find(peer: Peer, uri: string): Promise<SyncDatastore | undefined>
  /** What the device information lists for this peer. */
  list(peer: Peer): Promise<readonly SyncDatastore[]>
}
