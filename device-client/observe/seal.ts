/**
 * Sealing, acknowledging and forgetting modification numbers. Each is one short write transaction on the
 * application's database. Rules DC-5, DC-6, DC-9, DC-10.
 */

import { quoteName } from '../../schemas/delta/toSql.ts'
import type { Position } from '../../schemas/syncml/position.ts'
import type { Random, SqlDatabase } from '../ports.ts'
import { readCookie, readProperties } from './schemaPicture.ts'
import type { AcknowledgedPicture, RegisteredTable, TrackingState } from './trackingState.ts'
import { logTableName } from './triggers.ts'

/** Rows forgotten in one transaction, so that the application never waits long for its lock. */
const FORGET_BATCH = 20_000

/** A random lineage or token: 32 hex digits. */
export function newToken(random: Random): string {
  return [...random.bytes(16)].map((octet) => octet.toString(16).padStart(2, '0')).join('')
}

/**
 * Closes the open number under a new token and opens the next. A sealed number that never left is dropped, or
 * used again if nothing was noted after it (`noted` false): the number rises with changes, not with attempts.
 */
export function sealNumber(state: TrackingState, noted: boolean, random: Random): TrackingState {
  if (!noted && state.sealed[state.sealed.length - 1]?.sent === false) return state
  const sealed = { number: state.openNumber, token: newToken(random), sent: false }
  return {
    ...state,
    sealed: [...state.sealed.filter((position) => position.sent), sealed],
    openNumber: state.openNumber + 1,
  }
}

/** The newest sealed position. */
export function newestSealed(state: TrackingState): Position {
  const newest = state.sealed[state.sealed.length - 1]
  if (!newest) throw new Error('no number is sealed')
  return { number: newest.number, token: newest.token }
}

/** From the acknowledged position to the newest sealed one. */
export function positionChain(state: TrackingState): Position[] {
  const sealed = state.sealed.map(({ number, token }) => ({ number, token }))
  return state.acknowledged ? [state.acknowledged, ...sealed] : sealed
}

/**
 * Marks all sealed positions as sent; call before the first octet leaves. `tables` are those of the schema that is
 * told, if one is.
 */
export function markSent(state: TrackingState, tables: readonly RegisteredTable[] | undefined): TrackingState {
  const last = state.sealed.length - 1
  const names = tables?.map(({ id, name }) => ({ id, name }))
  const sealed = state.sealed.map((position, i) => ({
    ...position,
    sent: true,
    ...(names && i === last ? { tables: names } : {}),
  }))
  return { ...state, sealed }
}

/** Schemas that the server may have taken without our hearing of it. */
export function sentSchemas(state: TrackingState): readonly (readonly { id: number; name: string }[])[] {
  return state.sealed.flatMap((position) => (position.sent && position.tables ? [position.tables] : []))
}

/** The server has everything up to `position`. */
export function acknowledge(state: TrackingState, position: Position, picture: AcknowledgedPicture): TrackingState {
  const sealed = state.sealed.filter((candidate) => candidate.number > position.number)
  return { ...state, acknowledged: position, picture, sealed, unconfirmed: false }
}

/** A full backup began a new life at `position`; `unconfirmed` until the server said so. */
export function beginLineage(
  state: TrackingState,
  lineage: string,
  position: Position,
  picture: AcknowledgedPicture,
  unconfirmed: boolean,
): TrackingState {
  return { ...acknowledge(state, position, picture), lineage, unconfirmed }
}

/** Tells the triggers which number is open. */
export function writeOpenNumber(database: SqlDatabase, state: TrackingState): void {
  database.prepare('UPDATE _nightferry_open SET number=?').run(BigInt(state.openNumber))
}

/** True if a change was noted under a number after `after`. */
export function hasNotedChanges(database: SqlDatabase, state: TrackingState, after: number): boolean {
  return logTables(state).some(
    (log) => database.prepare(`SELECT 1 FROM ${log} WHERE number>? LIMIT 1`).get(BigInt(after)) !== undefined,
  )
}

/** True if the server has everything and observers saw all of it: nothing needs to be sealed. */
export function isQuiet(database: SqlDatabase, state: TrackingState): boolean {
  return (
    state.lineage !== null &&
    !state.unconfirmed &&
    state.sealed.every((position) => !position.sent) &&
    state.tables.every((table) => table.mode === 'triggers') &&
    readCookie(database) === state.cookie &&
    !hasNotedChanges(database, state, state.acknowledged?.number ?? 0) &&
    JSON.stringify(readProperties(database)) === JSON.stringify(state.picture?.properties)
  )
}

/** Forgets changes up to a number that the server has; in batches, each its own transaction. */
export function forgetChanges(database: SqlDatabase, state: TrackingState, number: number): void {
  const shared = database.prepare(
    `DELETE FROM _nightferry_change WHERE (tbl,key,number) IN (SELECT tbl,key,number FROM _nightferry_change WHERE number<=? LIMIT ${FORGET_BATCH})`,
  )
  const left = database.prepare('SELECT 1 FROM _nightferry_change WHERE number<=? LIMIT 1')
  do shared.run(BigInt(number))
  while (left.get(BigInt(number)) !== undefined)
  for (const log of logTables(state).slice(1))
    database.prepare(`DELETE FROM ${log} WHERE number<=?`).run(BigInt(number))
}

/** The log that rowid tables share, then one for each WITHOUT ROWID table. */
function logTables(state: TrackingState): string[] {
  const own = state.tables.filter((table) => table.mode === 'triggers' && table.withoutRowid)
  return ['_nightferry_change', ...own.map((table) => quoteName(logTableName(table.id)))]
}
