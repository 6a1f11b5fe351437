/**
 * What the item store's jobs take and give, one per call of the port (IT-16). Plain values: they travel to a child
 * process and back.
 */

import type { CopyPlace } from '../backup/copyKey.ts'
import type { ContentSource } from '../backup/jobs.ts'
import type {
  ClientItemChange,
  ItemConflictPolicy,
  ItemForClient,
  ItemSyncDecision,
  ItemSyncRequest,
  ItemSyncType,
} from '../datastore/syncDatastore.ts'
import type { ClientName } from './clientRow.ts'
import type { ClientAbilities } from './content.ts'
import type { ItemPosition } from './itemFile.ts'

/** What a session knows of its run; the JSON state of the port. */
export interface RunState {
  readonly client: number
  readonly run: number
  readonly type: ItemSyncType
}

/** One change as the port has it, its octets where the child process finds them. */
export type JobChange =
  | Exclude<ClientItemChange, { kind: 'put' }>
  | (Omit<Extract<ClientItemChange, { kind: 'put' }>, 'content'> & { readonly content: ContentSource })

/** An answer of the client to an Item it was given. */
export interface ClientAnswer {
  readonly command: ItemForClient['command']
  readonly id: string
  readonly status: number
}

/** Every call with its input and output. */
export interface ItemCalls {
  create: { input: { readonly lineage: string; readonly token: string }; output: { readonly sizeBytes: number } }
  decide: {
    input: { readonly request: ItemSyncRequest; readonly abilities: ClientAbilities }
    output: ItemSyncDecision
  }
  apply: {
    input: { readonly state: RunState; readonly changes: readonly JobChange[]; readonly atomic: boolean }
    output: { readonly statuses: readonly number[] }
  }
  close: {
    input: { readonly state: RunState; readonly abilities: ClientAbilities }
    output: { readonly total: number; readonly status: 200 | 403 }
  }
  page: {
    input: { readonly state: RunState; readonly from: number; readonly count: number; readonly maxBytes: number }
    output: { readonly items: readonly ItemForClient[] }
  }
  acknowledge: {
    input: { readonly state: RunState; readonly answers: readonly ClientAnswer[] }
    output: { readonly taken: number }
  }
  map: {
    input: { readonly pairs: readonly { readonly guid: string; readonly luid: string }[] }
    output: { readonly statuses: readonly number[] }
  }
  finish: { input: { readonly state: RunState }; output: { readonly stored: boolean } }
  allowEmpty: { input: { readonly once: boolean }; output: { readonly datastores: number } }
}

export type ItemCallName = keyof ItemCalls

/** What every call needs. */
export interface ItemCallContext extends CopyPlace {
  readonly client: ClientName
  readonly policy: ItemConflictPolicy
  /** Receive time, milliseconds. */
  readonly now: number
  /** Whether what changes is kept for older states (TM-11). */
  readonly keepsPast: boolean
}

/** One call, for the worker. */
export type ItemJobInput = {
  [Name in ItemCallName]: ItemCallContext & { readonly call: Name } & ItemCalls[Name]['input']
}[ItemCallName]

/** The answer, and where the copy stands if Items changed. */
export interface ItemJobOutput {
  readonly output: ItemCalls[ItemCallName]['output']
  readonly position?: ItemPosition
  /** Octets of the copy's file after a change. */
  readonly sizeBytes?: number
}
