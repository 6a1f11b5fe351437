/**
 * What the device remembers between two backups: lineage, positions, registered tables, and the picture of the
 * schema that the server acknowledged. It lives in the application's database (or, for a database that may not
 * be altered, in the stored picture), so it moves with the file it speaks of. Rules DC-1, DC-9, DC-10.
 */

import type { DatabaseProperties, SchemaObject } from '../../schemas/delta/delta.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { Position } from '../../schemas/syncml/position.ts'
import { OBSERVER_VERSION } from '../../schemas/version.ts'
import type { SqlDatabase } from '../ports.ts'
import type { TrackingMode } from './tableShape.ts'

/** A table as it was registered. A new id says: not the same table any more, send it whole. */
export interface RegisteredTable {
  readonly id: number
  readonly name: string
  readonly sql: string
  readonly columns: readonly string[]
  readonly uniqueIndexes: readonly string[]
  readonly withoutRowid: boolean
  readonly mode: TrackingMode
}

/** A sealed number; `sent` once it may have reached the server. */
export interface SealedPosition extends Position {
  readonly sent: boolean
  /** Names of the tables by id, if a Delta up to this number told the server a schema. */
  readonly tables?: readonly { readonly id: number; readonly name: string }[]
}

/** What the server is known to have, beside rows. */
export interface AcknowledgedPicture {
  readonly objects: readonly SchemaObject[]
  readonly tables: readonly RegisteredTable[]
  readonly properties: DatabaseProperties
}

/** The picture of a schema whose tables are registered as `tables`. */
export function pictureOf(
  tables: readonly RegisteredTable[],
  seen: { readonly objects: readonly SchemaObject[]; readonly properties: DatabaseProperties },
): AcknowledgedPicture {
  return { objects: seen.objects, tables, properties: seen.properties }
}

export interface TrackingState {
  readonly version: number
  /** Null before the first full backup. */
  readonly lineage: string | null
  readonly acknowledged: Position | null
  readonly picture: AcknowledgedPicture | null
  /** A full backup was sent whose answer never came: the server must confirm the lineage before "no changes" counts. */
  readonly unconfirmed: boolean
  readonly sealed: readonly SealedPosition[]
  /** The number that changes get now. */
  readonly openNumber: number
  readonly nextTableId: number
  readonly tables: readonly RegisteredTable[]
  /** The application's objects and the schema cookie as our last own change left them. */
  readonly objects: readonly SchemaObject[]
  readonly cookie: number
  /** The whole file that a differential starts from, and what was acknowledged since; absent for other methods. */
  readonly base?: {
    readonly position: Position
    readonly picture: AcknowledgedPicture
    readonly since: readonly SealedPosition[]
  }
  /** True once the application was found to write without firing triggers: all tables are compared. */
  readonly bypassed?: boolean
}

/** The state of a database that was never backed up. */
export function initialState(): TrackingState {
  return {
    version: OBSERVER_VERSION,
    lineage: null,
    acknowledged: null,
    picture: null,
    unconfirmed: false,
    sealed: [],
    openNumber: 1,
    nextTableId: 1,
    tables: [],
    objects: [],
    cookie: -1,
  }
}

/**
 * Reads the state from a database that holds it.
 * @throws {CodedError} `protocol.unsupported-version` if a newer program wrote it.
 */
export function readState(database: SqlDatabase): TrackingState | undefined {
  const exists = database.prepare("SELECT 1 FROM sqlite_schema WHERE type='table' AND name='_nightferry_state'").get()
  if (!exists) return undefined
  const row = database.prepare("SELECT value FROM _nightferry_state WHERE key='tracking'").get()
  if (typeof row?.[0] !== 'string') return undefined
  const state = JSON.parse(row[0]) as TrackingState
  if (state.version !== OBSERVER_VERSION) {
    throw new CodedError('protocol.unsupported-version', `observers of version ${state.version}`, {
      next: 'use the program version that installed them, or remove and add the database',
    })
  }
  return state
}

/** Writes the state; call inside the transaction whose effect it describes. */
export function writeState(database: SqlDatabase, state: TrackingState): void {
  database
    .prepare("INSERT OR REPLACE INTO _nightferry_state(key,value) VALUES('tracking',?)")
    .run(JSON.stringify(state))
}

/** Creates the table that holds the state. */
export function createStateTable(database: SqlDatabase): void {
  database.exec('CREATE TABLE IF NOT EXISTS _nightferry_state(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID')
}

/** The error for a database that bears no state of ours. */
export function untracked(): CodedError {
  return new CodedError('database.untrackable', 'the database is not tracked', {
    next: 'its observers are gone, perhaps because the file was replaced: add it again',
  })
}
