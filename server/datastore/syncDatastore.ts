/**
 * The port between the OMA-DS session engine and what a session synchronizes: many Items (contacts, calendar, notes,
 * files, mail), or one object (a database). The engine knows messages, chunks, packages and Statuses; the datastore
 * knows what each device holds (IT rules in `server/items/DESIGN.md`). All that must survive a restart lies in the
 * datastore itself; `state` is small JSON.
 */

import type { BackupChoice } from '../../schemas/backupChoice.ts'
import type { ContentType, CtCap, DevInfDataStore } from '../../schemas/syncml/message.ts'
import type { PositionChain } from '../../schemas/syncml/position.ts'
import type { ArrivingItem, DatastoreState, ItemContent, Peer, SyncType } from './datastore.ts'

/** Sync types as a client asks for them. */
export type ItemSyncType = SyncType

/** Who synchronizes: a device, and what it said about the datastore on its side. */
export interface ItemClient extends Peer {
  /** The client's own URI of its datastore, as in `Source` of the Alert. */
  readonly sourceUri: string
  /** From the client's device information; absent if it never sent any. */
  readonly described?: DevInfDataStore
  /** What the client can hold of each content type (1.1 says it beside the datastores, 1.2 inside them). */
  readonly ctCaps?: readonly CtCap[]
}

/** Which of two changes of one Item stands (reference 3.13). */
export type ItemConflictPolicy = 'client-wins' | 'server-wins' | 'newest-wins' | 'duplicate'

/** One Alert for one datastore. */
export interface ItemSyncRequest {
  readonly type: ItemSyncType | 'resume'
  readonly last?: string
  readonly next: string
  readonly maxObjSize?: number
  /** As the client sent it; a grammar that is not known is refused (IT-14). */
  readonly filter?: ItemFilter
  /** Our own clients say where they stand; classic ones do not. */
  readonly position?: PositionChain
  /** How they want to be backed up, if they say so. */
  readonly choice?: BackupChoice
}

/** A filter of the Alert (reference 3.15), not yet understood. */
export interface ItemFilter {
  readonly kind: 'inclusive' | 'exclusive'
  readonly contentType: string
  readonly record?: { readonly grammar: string; readonly expression: string }
  /** Names of the properties that the client wants. */
  readonly fields?: readonly string[]
}

export type ItemSyncDecision =
  | {
      /** 508: the client must do `type` instead of what it asked for. */
      readonly status: 200 | 508
      readonly type: ItemSyncType
      readonly last?: string
      readonly next: string
      readonly maxObjSize?: number
      /** Where the server stands, for our own clients. */
      readonly position?: PositionChain
      readonly state: DatastoreState
    }
  | { readonly status: 403 | 404 | 405 | 406 | 415 | 417 | 420 | 422 | 503 }

/** One change by the client, complete. `parent` is a LUID, `/` or absent at the root (reference 3.16). */
export type ClientItemChange =
  | {
      readonly kind: 'put'
      readonly command: 'Add' | 'Replace'
      readonly luid: string
      readonly type: string
      readonly content: ItemContent
      readonly parent?: string
      /** Only the properties that changed are in `content`. */
      readonly fieldLevel: boolean
    }
  | { readonly kind: 'delete'; readonly luid: string; readonly archive: boolean; readonly soft: boolean }
  | { readonly kind: 'copy'; readonly luid: string; readonly newLuid: string }
  | { readonly kind: 'move'; readonly luid: string; readonly parent: string }

/** What became of one change; in the 2xx range (and 418, 419) it is durable. */
export interface ItemChangeOutcome {
  readonly status: number
}

/** One Item for the client. */
export interface ItemForClient {
  readonly command: 'Add' | 'Replace' | 'Delete'
  /** Temporary GUID for Add, LUID for the others; at most 64 characters. */
  readonly id: string
  readonly type: string
  /** LUID of the parent, or the temporary GUID of one that is added in the same session. */
  readonly parent?: { readonly luid: string } | { readonly guid: string }
  /** Soft delete: the client may keep what it has, the server keeps its own. */
  readonly soft?: boolean
  readonly octets: Uint8Array
  /** An object that memory shall not hold: `octets` is empty then, and it is read piece by piece. */
  readonly large?: LargeContent
}

/** Octets that are read piece by piece; the same ones each time while the session lives. */
export interface LargeContent {
  readonly sizeBytes: number
  /** Octets `[offset, offset + length)`. */
  read(offset: number, length: number): Promise<Uint8Array>
}

export interface SyncDatastore {
  /**
   * `items`: many Items that both sides change; a broken sync can be gone on with. `object`: one object that its device
   * writes and the server only keeps; what broke begins anew.
   */
  readonly kind: 'items' | 'object'
  /** Canonical URI, e.g. `./contacts`. */
  readonly uri: string
  readonly displayName: string
  readonly syncTypes: readonly ItemSyncType[]
  /** Content types `[type, version]`, preferred first. */
  readonly contentTypes: readonly (readonly [string, string])[]
  /** What the datastore keeps of each content type, for the device information; a property not named is not sent. */
  readonly ctCaps: readonly CtCap[]
  /** Filter grammars it evaluates. */
  readonly filterGrammars: readonly ContentType[]
  readonly hierarchical: boolean
  /** Octets. */
  readonly maxObjSize: number

  /** Decides on an Alert and notes what this session is about. Changes no Item. */
  decide(client: ItemClient, request: ItemSyncRequest): Promise<ItemSyncDecision>

  /**
   * A hint that an Item is on its way, so that work on it may begin; it may never come to `apply`, and its spool is then
   * removed. Never throws.
   */
  arriving?(client: ItemClient, state: DatastoreState, item: ArrivingItem): void

  /**
   * Applies changes in order, each whole or not at all; durable before it resolves. With `atomic` all or none.
   * Repeats do no harm (IT-6). One outcome per change.
   */
  apply(
    client: ItemClient,
    state: DatastoreState,
    changes: readonly ClientItemChange[],
    options?: { readonly atomic?: boolean },
  ): Promise<{ readonly outcomes: readonly ItemChangeOutcome[]; readonly state: DatastoreState }>

  /**
   * The client's package is complete: decides what it shall get. `total` Items wait from then on in a fixed order.
   * `status` is that of the Sync command: 403 if the guard refused to empty the store (IT-11); nothing was deleted then.
   */
  close(
    client: ItemClient,
    state: DatastoreState,
  ): Promise<{ readonly total: number; readonly status: 200 | 403; readonly state: DatastoreState }>

  /**
   * Items `[from, from + count)` of what waits, fewer at the end or when their octets exceed `maxBytes` (at least one).
   * The same call gives the same ids and octets while the session lives, also after a restart.
   */
  page(
    client: ItemClient,
    state: DatastoreState,
    from: number,
    limits: { readonly count: number; readonly maxBytes: number },
  ): Promise<readonly ItemForClient[]>

  /** The client has these Items now (2xx or 418), or refuses them for good; durable before it resolves. */
  acknowledge(
    client: ItemClient,
    state: DatastoreState,
    answers: readonly { readonly command: ItemForClient['command']; readonly id: string; readonly status: number }[],
  ): Promise<void>

  /**
   * The client's LUIDs for Items it was given; of this session or of an earlier one. One outcome per pair: 200, or 404
   * for what was never sent to this device.
   */
  map(
    client: ItemClient,
    pairs: readonly { readonly guid: string; readonly luid: string }[],
  ): Promise<readonly ItemChangeOutcome[]>

  /** The session ended regularly: anchors are stored. */
  finish(client: ItemClient, state: DatastoreState): Promise<void>

  /**
   * The session was suspended or broke (expired, aborted, replaced by a newer one): what was applied and acknowledged
   * stays, the rest can be gone on with; of an `object` nothing half done may remain.
   */
  suspend(client: ItemClient, state: DatastoreState): Promise<void>

  /** What a password of its own is kept under, if it can have one; datastores that show the same Items share it (OM-35). */
  readonly lock?: string

  /**
   * The owner lets this device empty the store, or be emptied by it, once (IT-11), whatever it calls its own; or takes
   * that back. False if the device never synchronized it.
   */
  allowEmpty(peer: Peer, allowed: boolean): Promise<boolean>
}
