/**
 * The port for objects that a session broke off in the middle of (OM-31): what came of them, so that the next session
 * goes on at the octet where the last one ended. One row per device and datastore.
 */

import type { CompletedObject, Receiving } from './largeObject.ts'

/** Whose object it is. */
export interface HeldKey {
  readonly accountId: string
  readonly deviceId: string
  /** Canonical URI of the datastore. */
  readonly uri: string
}

/** One of our objects of which the client has the beginning. */
export interface SentObject {
  readonly id: string
  /** SHA-256 of the octets it was cut from, hex. */
  readonly digest: string
  /** Octets the client has for certain. */
  readonly offset: number
}

/** What a session broke off in the middle of, in both directions. */
export interface HeldObject extends HeldKey {
  readonly receiving: Receiving | null
  readonly completed: CompletedObject | null
  readonly sent: SentObject | null
  /** Milliseconds since 1970. */
  readonly heldAt: number
}

export interface HeldObjects {
  find(key: HeldKey): Promise<HeldObject | undefined>
  /** Replaces what is held under the same key. Durable when it returns. */
  keep(held: HeldObject): Promise<void>
  /** Forgets what is held under `key`. No error if there is nothing. */
  remove(key: HeldKey): Promise<void>
  /** Forgets what is held with the object whose octets lie in this spool. */
  removeSpool(spoolId: string): Promise<void>
  list(): Promise<readonly HeldObject[]>
}

/** How long an object is kept, milliseconds: as long as a suspended sync can be gone on with (IT-8). */
export const HELD_LIFE_MS = 14 * 24 * 3_600_000
