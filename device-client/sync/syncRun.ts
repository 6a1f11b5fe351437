/** What the parts of one sync share: who takes part, what is remembered, and what came of it so far. */

import type { DevInf } from '../../schemas/syncml/message.ts'
import type { PeerRequest, SessionPorts } from '../session/sessionRequest.ts'
import type { Dialogue, StorePair } from './dialogue.ts'
import type { ItemSource, SourceScan } from './itemSource.ts'
import type { LocalChange } from './planChanges.ts'
import type { SyncApp } from './syncApp.ts'
import type { SyncMode, SyncType } from './syncMode.ts'
import type { SyncTally } from './syncReport.ts'
import type { PendingMap, SyncState } from './syncState.ts'

/** What one sync is asked to do. */
export interface SyncRequest {
  readonly name: string
  readonly app: SyncApp
  readonly mode: SyncMode
  readonly stores: StorePair
  readonly peer: PeerRequest
  readonly devInf: DevInf
  /** Obeys a side that is suddenly empty. */
  readonly allowEmpty: boolean
}

export interface SyncPorts extends SessionPorts {
  readonly source: ItemSource
  readonly state: SyncState
}

/** What a Status of the server is about. */
export type SyncNote =
  | { readonly kind: 'put' }
  | { readonly kind: 'get' }
  | { readonly kind: 'alert' }
  /** `digest` of what was sent; undefined for a Delete, and for a chunk that is not the last one. */
  | { readonly kind: 'change'; readonly change: LocalChange; readonly digest?: string; readonly more?: boolean }
  | { readonly kind: 'map'; readonly pairs: readonly PendingMap[] }

/** A sync under way. */
export interface SyncRun {
  readonly ports: SyncPorts
  readonly request: SyncRequest
  readonly dialogue: Dialogue<SyncNote>
  readonly scan: SourceScan
  readonly tally: SyncTally
  type: SyncType
  /** The server's Status of our Alert, and the type its own Alert names. */
  alertStatus: number | undefined
  offered: string | undefined
  /** The server took our device information. */
  putTaken: boolean
  /** Largest item the server takes, in octets; undefined if it never said. */
  serverMaxObjSize: number | undefined
  /** Status that ended an object before its last chunk. */
  chunkRefused: number | undefined
  /** Items of the server that have come in part. */
  arriving: ArrivingObject | undefined
  /** Items that the server deleted so far. */
  deleted: number
  /** Items here that the server may have already: all of them in a refresh, what was sent before a session broke. */
  doubtful: readonly string[]
  /** Those by what they say, made when the first item comes. */
  twins: Map<string, string[]> | undefined
  /** Ids whose Maps this session has settled: a server may send their items once more. */
  readonly mapped: Map<string, string>
}

/** An item of the server that comes in parts, or whole. */
export interface ArrivingObject {
  readonly id: string
  readonly type: string
  readonly format: string | undefined
  readonly sizeBytes: number | undefined
  readonly chunked: boolean
  readonly texts: string[]
  readonly parts: Uint8Array[]
  octets: number
  /** The rest of a refused object is refused too: its last part looks like a whole item (OM-16). */
  refused?: number
}
