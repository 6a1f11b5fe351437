/**
 * Sealing, acknowledging and forgetting modification numbers. Each is one short write transaction on the
 * application's database. Rules DC-5, DC-6, DC-9, DC-10.
 */

import { quoteName } from '../../schemas/delta/toSql.ts'
import { toHex } from '../../schemas/hex.ts'
import type { Position } from '../../schemas/syncml/position.ts'
import type { Random, SqlDatabase } from '../ports.ts'
import { transacting } from './connection.ts'
import { readCookie, readProperties } from './schemaPicture.ts'
import {
  type AcknowledgedPicture,
  type RegisteredTable,
  readState,
  type TrackingState,
  untracked,
  writeState,
} from './trackingState.ts'
import { logTableName } from './triggers.ts'

/** Rows forgotten in one transaction, so that the application never waits long for its lock. */
const FORGET_BATCH = 20_000

/** A random lineage or token: 32 hex digits. */
export function newToken(random: Random): string {
  return toHex(random.bytes(16))
}

/**
 * Closes the open number under a new token and opens the next. A sealed number that never left is dropped, or
 * used again if nothing was noted after it (`noted` false): the number rises with changes, not with attempts. Its token
 * is never used again: a file that was copied meanwhile bears it too, and would be taken for this one (BK-2).
 */
export function sealNumber(state: TrackingState, noted: boolean, random: Random): TrackingState {
  const newest = state.sealed[state.sealed.length - 1]
  const again = !noted && newest?.sent === false
  const number = again ? newest.number : state.openNumber
  const sealed = { number, token: newToken(random), sent: false }
  return {
    ...state,
    sealed: [...state.sealed.filter((position) => position.sent), sealed],
    openNumber: again ? state.openNumber : state.openNumber + 1,
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

/** True if any table is compared with the stored picture of its rows. */
export function compares({ tables }: TrackingState): boolean {
  return tables.some((table) => table.mode !== 'triggers')
}

/** True if a picture of rows with this token is what the server has, or got while its answer was lost. */
export function isPictured({ acknowledged, sealed }: TrackingState, token: string | undefined): boolean {
  return token !== undefined && (acknowledged?.token === token || sealed.some((p) => p.sent && p.token === token))
}

/** The server has everything up to `position`. A differential keeps its `base` and goes on from there (DC-130). */
export function acknowledge(
  { base, ...state }: TrackingState,
  position: Position,
  picture: AcknowledgedPicture,
  keepsBase = false,
): TrackingState {
  const sealed = state.sealed.filter((candidate) => candidate.number > position.number)
  const passed = state.sealed.filter((candidate) => candidate.number <= position.number)
  return {
    ...state,
    ...(base && keepsBase && { base: { ...base, since: [...base.since, ...passed] } }),
    acknowledged: position,
    picture,
    sealed,
    unconfirmed: false,
  }
}

/** A full backup began a new life at `position`; `unconfirmed` until the server said so. `isBase`: a differential starts from it. */
export function beginLineage(
  state: TrackingState,
  lineage: string,
  position: Position,
  picture: AcknowledgedPicture,
  unconfirmed: boolean,
  isBase = false,
): TrackingState {
  const base = isBase && { base: { position, picture, since: [] } }
  return { ...acknowledge(state, position, picture), ...base, lineage, unconfirmed }
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
    !compares(state) &&
    readCookie(database) === state.cookie &&
    // A backup that broke off may have seen a schema that the server never heard of.
    isAcknowledged(state) &&
    !hasNotedChanges(database, state, state.acknowledged?.number ?? 0) &&
    JSON.stringify(readProperties(database)) === JSON.stringify(state.picture?.properties)
  )
}

/** True if schema and registry are those that the server acknowledged. */
function isAcknowledged({ objects, tables, picture }: TrackingState): boolean {
  return picture !== null && JSON.stringify([objects, tables]) === JSON.stringify([picture.objects, picture.tables])
}

/**
 * The server has everything up to `number`: in one transaction the state that says so, and the notes that go: those
 * that no differential needs any more. What is more than a batch goes in further ones.
 */
export function settle(database: SqlDatabase, change: (state: TrackingState) => TrackingState, number: number): void {
  const state = (): TrackingState => {
    const held = readState(database)
    if (!held) throw untracked()
    return held
  }
  let all = transacting(database, true, () => {
    const changed = change(state())
    writeState(database, changed)
    return forgetChanges(database, changed, Math.min(number, changed.base?.position.number ?? number))
  })
  while (!all) {
    all = transacting(database, true, () => {
      const held = state()
      return forgetChanges(database, held, Math.min(number, held.base?.position.number ?? number))
    })
  }
}

/**
 * Forgets changes up to a number that the server has: of the log that tables share at most a batch.
 * @returns false if that was not all. Call it again then, in another transaction.
 */
function forgetChanges(database: SqlDatabase, state: TrackingState, number: number): boolean {
  for (const log of logTables(state).slice(1))
    database.prepare(`DELETE FROM ${log} WHERE number<=?`).run(BigInt(number))
  database
    .prepare(
      `DELETE FROM _nightferry_change WHERE (tbl,key,number) IN (SELECT tbl,key,number FROM _nightferry_change WHERE number<=? LIMIT ${FORGET_BATCH})`,
    )
    .run(BigInt(number))
  const left = database.prepare('SELECT 1 FROM _nightferry_change WHERE number<=? LIMIT 1')
  return left.get(BigInt(number)) === undefined
}

/** The log that rowid tables share, then one for each WITHOUT ROWID table. */
function logTables(state: TrackingState): string[] {
  const own = state.tables.filter((table) => table.mode === 'triggers' && table.withoutRowid)
  return ['_nightferry_change', ...own.map((table) => quoteName(logTableName(table.id)))]
}
