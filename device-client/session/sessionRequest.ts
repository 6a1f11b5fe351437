/**
 * What one OMA-DS session of the device is asked to do, and what came of it.
 */

import type { BackupChoice } from '../../schemas/backupChoice.ts'
import type { DevInf } from '../../schemas/syncml/message.ts'
import type { PositionChain } from '../../schemas/syncml/position.ts'
import type { Clock, Fetch, KeyStore, Log, Random } from '../ports.ts'
import type { Installation } from './installation.ts'
import type { MessageCodec } from './messageCodec.ts'

/** What a session needs from the outside. */
export interface SessionPorts {
  readonly fetch: Fetch
  readonly clock: Clock
  readonly random: Random
  /** Keeps nonce, the server's MaxMsgSize and what it knows of us. */
  readonly keyStore: KeyStore
  readonly log: Log
}

/** One Item whose content can be read again from any octet. */
export interface SendContent {
  readonly luid: string
  readonly type: string
  readonly sizeBytes: number
  /** Octets from `offset` to the end, the same ones each time. */
  open(offset: number): AsyncIterable<Uint8Array>
}

/** Takes one Item while it arrives. */
export interface ItemWriter {
  write(bytes: Uint8Array): Promise<void>
  /** The Item is whole. Returns its Status: 2xx once it is kept, else why not. */
  finish(): Promise<number>
  /** The Item will never be whole. */
  abort(): Promise<void>
}

export interface ItemSink {
  begin(item: {
    readonly id: string
    readonly type: string
    readonly sizeBytes: number | undefined
  }): Promise<ItemWriter>
}

export type Transfer =
  | { readonly kind: 'send'; readonly type: 202 | 203; readonly item: SendContent }
  | { readonly kind: 'receive'; readonly type: 205; readonly sink: ItemSink }

/** What a server proves itself with to this device. */
export interface ServerLogin {
  readonly serverId: string
  readonly password: string
}

/** Who talks to whom, and how; what every session has. */
export interface PeerRequest {
  /** Address that messages are posted to: `/omads` of our own server. */
  readonly serverUrl: string
  readonly userName: string
  /** The device's SyncML secret. */
  readonly secret: string
  readonly deviceId: string
  /** What the server must prove itself with before it is given anything; nothing is demanded if absent (DC-52). */
  readonly serverLogin?: ServerLogin
  /** Tells this installation from copies of it; nothing is said if absent (DC-110). */
  readonly installation?: Installation
  /** Offers the password itself (basic) in place of an MD5 digest. */
  readonly basic?: boolean
  /**
   * A server that says it is still at work (101) is sent the same octets again, which ours answers (DC-51); or the
   * caller is told, and asks by Alert 221, as the specification has it.
   */
  readonly onBusy?: 'resend' | 'tell'
  /** Default: WBXML. */
  readonly codec?: MessageCodec
  /** Largest message and object we take, in octets. Default: those of `limits.ts`. */
  readonly maxMsgSize?: number
  readonly maxObjSize?: number
}

export interface SessionRequest extends PeerRequest {
  /** Told at first contact and when it changed; nothing is told if absent. */
  readonly devInf?: DevInf
  /** URI of the server's datastore, e.g. `./databases/app`, and of ours. */
  readonly datastore: string
  readonly localUri: string
  readonly last?: string
  readonly next: string
  readonly position?: PositionChain
  /** How this database is backed up; the default if absent. */
  readonly choice?: BackupChoice
  readonly transfer: Transfer
}

/** Octets of the Item that have been answered for. */
export interface SessionProgress {
  readonly bytesDone: number
  /** Undefined until the server said it. */
  readonly bytesTotal: number | undefined
}

export interface SessionResult {
  /**
   * `accepted`: the server answered 2xx for everything. `refresh-required`: 508, a full backup is needed.
   * `refused`: `status` says why (reference 4).
   */
  readonly outcome: 'accepted' | 'refresh-required' | 'refused'
  /** The Status that decided. */
  readonly status: number
  readonly alertStatus: number | undefined
  /** Status of the Item sent, or of the last one received. */
  readonly itemStatus: number | undefined
  /** Where the server stands, from its Alert. */
  readonly serverPosition: PositionChain | undefined
  /** HTTP requests made, repeats included. */
  readonly exchanges: number
  /** Octets of HTTP bodies, exactly, repeats included; headers are not counted. */
  readonly bytesSent: number
  readonly bytesReceived: number
}
