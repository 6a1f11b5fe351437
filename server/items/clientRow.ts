/**
 * What the copy keeps of a device and one of its datastores: anchors, the run that was begun last, what the device can
 * hold (IT-3, IT-8). One row of `_nightferry_sync_client`.
 */

import { CodedError } from '../../schemas/errors.ts'
import type { ItemSyncType } from '../datastore/syncDatastore.ts'
import type { SqlValue } from '../sql/sqlDatabase.ts'
import type { KeptAnchors } from './chooseSync.ts'
import type { ItemFile } from './itemFile.ts'

/** Names a device's datastore: its id, the canonical URI here and the client's own there. */
export interface ClientName {
  readonly deviceId: string
  readonly uri: string
  readonly sourceUri: string
}

export interface ClientRow extends KeptAnchors {
  readonly client: number
  readonly run: number
  readonly type: ItemSyncType | undefined
  readonly askedLast: string | undefined
  readonly startedAt: number
  /** The copy's number when the run began: Items that are newer were not there. */
  readonly startedNumber: number
  readonly merging: boolean
  /** The client's package was complete once in this run. */
  readonly closed: boolean
  readonly finished: boolean
  /** What was sent in this run goes again. */
  readonly resendRun: number
  readonly finishedRun: number
  readonly itemsAtStart: number
  readonly deleted: number
  readonly maxSizeBytes: number | undefined
  /** JSON of the `ItemFilter`. */
  readonly filter: string | undefined
  /** JSON of the `ClientAbilities`. */
  readonly abilities: string
  /** Bits of the stores (`1 << number`) whose Items the device sent here. */
  readonly evidence: number
  readonly allowEmpty: boolean
  readonly syncedAt: number
}

const COLUMNS = `client, last, previous, run, type, asked_last, started_at, started_number,
  merging, closed, finished, resend_run, finished_run, items_at_start, deleted, max_size, filter, abilities, evidence,
  allow_empty, synced_at`

/** The row of a device's datastore, made if there is none. */
export function openClient(file: ItemFile, name: ClientName): ClientRow {
  const held = findClient(file, name)
  if (held !== undefined) return held
  file
    .sql('INSERT INTO _nightferry_sync_client(device, uri, source) VALUES(?, ?, ?)')
    .run(name.deviceId, name.uri, name.sourceUri)
  const made = findClient(file, name)
  if (made === undefined) throw new CodedError('internal', 'the row of a device is not there after it was made')
  return made
}

export function findClient(file: ItemFile, name: ClientName): ClientRow | undefined {
  const row = file
    .sql(`SELECT ${COLUMNS} FROM _nightferry_sync_client WHERE device = ? AND uri = ? AND source = ?`)
    .get(name.deviceId, name.uri, name.sourceUri)
  return row && toClientRow(row)
}

/**
 * The row of a run that goes on.
 * @throws {CodedError} `session.busy` if the device began another one since: this session is over.
 */
export function requireRun(file: ItemFile, client: number, run: number): ClientRow {
  const row = file.sql(`SELECT ${COLUMNS} FROM _nightferry_sync_client WHERE client = ?`).get(BigInt(client))
  const held = row && toClientRow(row)
  if (held === undefined || held.run !== run)
    throw new CodedError('session.busy', 'the device began another session for this datastore')
  return held
}

function toClientRow(row: readonly SqlValue[]): ClientRow {
  const text = (at: number): string | undefined => (typeof row[at] === 'string' ? row[at] : undefined)
  const number = (at: number): number => Number(row[at] ?? 0)
  const [last, previous] = [text(1), text(2)]
  return {
    client: number(0),
    ...(last !== undefined && { last }),
    ...(previous !== undefined && { previous }),
    run: number(3),
    type: row[4] === null ? undefined : (number(4) as ItemSyncType),
    askedLast: text(5),
    startedAt: number(6),
    startedNumber: number(7),
    merging: row[8] === 1n,
    closed: row[9] === 1n,
    finished: row[10] === 1n,
    resendRun: number(11),
    finishedRun: number(12),
    itemsAtStart: number(13),
    deleted: number(14),
    maxSizeBytes: row[15] === null ? undefined : number(15),
    filter: text(16),
    abilities: text(17) ?? '',
    evidence: number(18),
    allowEmpty: row[19] === 1n,
    syncedAt: number(20),
  }
}

/** Columns of the row that change together; numbers are INTEGER, undefined is NULL. */
export type ClientChange = Readonly<Partial<Record<ClientColumn, string | number | boolean | undefined>>>

type ClientColumn =
  | 'last'
  | 'previous'
  | 'run'
  | 'type'
  | 'asked_last'
  | 'next'
  | 'started_at'
  | 'started_number'
  | 'merging'
  | 'closed'
  | 'finished'
  | 'resend_run'
  | 'finished_run'
  | 'items_at_start'
  | 'deleted'
  | 'max_size'
  | 'filter'
  | 'abilities'
  | 'evidence'
  | 'allow_empty'
  | 'synced_at'

export function updateClient(file: ItemFile, client: number, change: ClientChange): void {
  const names = Object.keys(change)
  if (names.length === 0) return
  file
    .sql(`UPDATE _nightferry_sync_client SET ${names.map((name) => `${name} = ?`).join(', ')} WHERE client = ?`)
    .run(...Object.values(change).map(toSql), BigInt(client))
}

function toSql(value: string | number | boolean | undefined): SqlValue {
  if (value === undefined) return null
  if (typeof value === 'string') return value
  return BigInt(value)
}
