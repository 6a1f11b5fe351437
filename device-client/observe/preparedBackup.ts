/**
 * What a tracker needs and what it gives: a Delta that may be written, a backup that may be sent, positions for
 * `status`.
 */

import type { DeltaCounts } from '../../schemas/delta/delta.ts'
import type { PositionChain } from '../../schemas/syncml/position.ts'
import type { Random, SqlDatabase } from '../ports.ts'
import type { Footprint } from './foreignWrites.ts'

/** `triggers`: observers in the database. `compare`: the database is never altered, every row is compared. */
export type TrackingMethod = 'triggers' | 'compare'

export interface TrackerPorts {
  /** A new connection to the application's database; a platform with one connection hands it out again. */
  open(): SqlDatabase
  /** The agent's own database for the stored picture. */
  readonly picture: SqlDatabase
  readonly random: Random
  readonly method: TrackingMethod
  /** Each Delta says all since the last whole file; `renew`: it is time for a new one. Absent: since the last backup. */
  readonly differential?: { readonly renew: boolean }
  /** How the database's file looks now; absent where the application works on our own connection. */
  readonly footprint?: () => Footprint
}

/** A Delta ready to be written. End it with `finish` or `discard` before anything is sent. */
export interface PreparedDelta {
  readonly chain: PositionChain
  /** The text in pieces; drain once. */
  pieces(): Iterable<string>
  /** After the last piece: ends the read transaction. */
  finish(): PreparedBackup & { readonly counts: DeltaCounts }
  discard(): void
}

/** A backup that was prepared and may now be sent. */
export interface PreparedBackup {
  readonly chain: PositionChain
  /** Remembers that it may have reached the server; before the first octet leaves. */
  markSent(): void
  /** Status 200: the server has it. */
  acknowledge(): void
}

/** What `status` shows of a database. */
export interface TrackingSummary {
  readonly installed: boolean
  readonly lineage: string | null
  /** Number the server has acknowledged; 0 before the first backup. */
  readonly acknowledged: number
  /** The modification number now: higher than `acknowledged` if anything was noted since. */
  readonly current: number
}

/** An image of a whole database, opened, and what it cannot say by itself. */
export interface ImageDescription {
  readonly database: SqlDatabase
  readonly journalMode: 'wal' | 'delete'
}
