/**
 * What becomes of one change by a client: pure decisions over versions (IT-4, IT-6). A client's change names a version
 * by LUID, what the map says the device had; if the Item has changed since, somebody else changed it too.
 */

import type { ItemConflictPolicy } from '../datastore/syncDatastore.ts'

/** The Item a LUID stands for, as it is now. */
export interface HeldVersion {
  /** The account's change number when it last changed. */
  readonly changed: number
  /** When that change was made, milliseconds. */
  readonly editedAt: number
}

/** What is to be done with a put. */
export type PutSettlement =
  /** The Item has this content already. */
  | 'unchanged'
  /** Nobody else changed it. */
  | 'replace'
  /** There is no such Item, or no longer: change beats delete. */
  | 'create'
  | 'client-wins'
  | 'server-wins'
  /** Both stay: the client's becomes an Item of its own. */
  | 'duplicate'

export interface PutInput {
  readonly policy: ItemConflictPolicy
  /** Undefined if the Item was deleted meanwhile. */
  readonly held: HeldVersion | undefined
  /** The version that the device had. */
  readonly hadVersion: number
  /** Both contents mean the same. */
  readonly equal: boolean
  /** In a slow sync nobody can say which side changed: any difference is a conflict (IT-5). */
  readonly slow: boolean
  /** When the client's change was made, milliseconds. */
  readonly editedAt: number
}

/** Settles a put of a known LUID. */
export function settlePut({ policy, held, hadVersion, equal, slow, editedAt }: PutInput): PutSettlement {
  if (held === undefined) return 'create'
  if (equal) return 'unchanged'
  if (!slow && held.changed <= hadVersion) return 'replace'
  if (policy === 'newest-wins') return editedAt >= held.editedAt ? 'client-wins' : 'server-wins'
  return policy
}

/** What is to be done with a delete. */
export type DeleteSettlement =
  | 'remove'
  /** Somebody changed the Item meanwhile: it stays, and goes to the device again. */
  | 'keep'
  | 'gone'

/** Settles a delete of a known LUID. Change beats delete under every policy. */
export function settleDelete(held: HeldVersion | undefined, hadVersion: number): DeleteSettlement {
  if (held === undefined) return 'gone'
  return held.changed <= hadVersion ? 'remove' : 'keep'
}

/**
 * The Status of a settled put (reference 3.13). `known` tells whether the map had the LUID: only then an Add that brings
 * nothing new is 418; what a slow sync matched is 200. A deleted Item that the client brings back is a conflict it wins.
 */
export function putStatus(settlement: PutSettlement, command: 'Add' | 'Replace', known: boolean): number {
  switch (settlement) {
    case 'unchanged':
      return command === 'Add' && known ? 418 : 200
    case 'replace':
      return 200
    case 'create':
      return known ? 208 : 201
    case 'client-wins':
      return 208
    case 'server-wins':
      return 419
    case 'duplicate':
      return 209
  }
}

/** The Status of a settled delete. */
export function deleteStatus(settlement: DeleteSettlement): number {
  return settlement === 'remove' ? 200 : settlement === 'keep' ? 419 : 211
}

/**
 * When a client's change was made: what the content says if it lies between the device's last finished sync and now,
 * else when it was received. An older time cannot be that of this change (clients write constants there).
 */
export function chooseEditTime(said: number | undefined, lastSyncAt: number, receivedAt: number): number {
  return said !== undefined && said > lastSyncAt && said <= receivedAt ? said : receivedAt
}
