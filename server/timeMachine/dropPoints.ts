/**
 * Forgets points inside a copy. What a point kept is needed to reach the ones before it: it goes to the next older one,
 * where that has not kept the same row itself. Rule TM-8.
 */

import {
  hasPast,
  type PastState,
  type PastTable,
  pastName,
  readPast,
  readPastTables,
  writePastObjects,
} from '../backup/pastLayout.ts'
import type { SqlDatabase } from '../sql/sqlDatabase.ts'

/**
 * Drops the points with these tokens, each in a transaction of its own: a backup of the device comes in between. Unknown
 * ones are passed over.
 * @returns octets of pages that the copy can use again.
 */
export function dropPoints(copy: SqlDatabase, tokens: ReadonlySet<string>): { readonly freedBytes: number } {
  if (!hasPast(copy)) return { freedBytes: 0 }
  const before = freeBytes(copy)
  const dropNext = (): boolean =>
    copy.transaction(() => {
      const states = readPast(copy)
      // Newest first: what several in a row kept arrives at the same older one, the older of two values on top.
      const at = states.findIndex(({ token }) => tokens.has(token))
      const [state, heir] = at < 0 ? [] : states.slice(at, at + 2)
      if (state === undefined) return false
      dropPoint(copy, state, heir)
      return true
    })
  while (dropNext());
  return { freedBytes: freeBytes(copy) - before }
}

function dropPoint(copy: SqlDatabase, state: PastState, heir: PastState | undefined): void {
  const tables = readPastTables(copy)
  if (heir === undefined) forget(copy, tables, state)
  else passOn(copy, tables, state, heir)
  copy.prepare('DELETE FROM _nightferry_past_point WHERE number = ?').run(BigInt(state.number))
  for (const { id } of tables) if (isUnused(copy, id)) forgetTable(copy, id)
}

function passOn(copy: SqlDatabase, tables: readonly PastTable[], from: PastState, to: PastState): void {
  for (const name of new Set(tables.map((table) => table.name))) {
    const forms = tables.filter((table) => table.name === name)
    // A table that the older point kept as a whole needs nothing from later.
    if (forms.some(({ id }) => isWhole(copy, id, to))) for (const { id } of forms) forgetRows(copy, id, from)
    else for (const { id } of forms) passOnRows(copy, id, from, to)
  }
  if (to.objects === undefined && from.objects !== undefined) writePastObjects(copy, to.number, from.objects)
}

function passOnRows(copy: SqlDatabase, id: number, from: PastState, to: PastState): void {
  const [old, own] = [BigInt(from.number), BigInt(to.number)]
  copy.prepare(`UPDATE OR IGNORE ${pastName(id)} SET point = ? WHERE point = ?`).run(own, old)
  copy
    .prepare('UPDATE OR IGNORE _nightferry_past_whole SET point = ? WHERE point = ? AND id = ?')
    .run(own, old, BigInt(id))
  forgetRows(copy, id, from)
}

function forget(copy: SqlDatabase, tables: readonly PastTable[], state: PastState): void {
  for (const { id } of tables) forgetRows(copy, id, state)
}

function forgetRows(copy: SqlDatabase, id: number, { number }: PastState): void {
  copy.prepare(`DELETE FROM ${pastName(id)} WHERE point = ?`).run(BigInt(number))
  copy.prepare('DELETE FROM _nightferry_past_whole WHERE point = ? AND id = ?').run(BigInt(number), BigInt(id))
}

function isWhole(copy: SqlDatabase, id: number, { number }: PastState): boolean {
  const select = 'SELECT 1 FROM _nightferry_past_whole WHERE point = ? AND id = ?'
  return copy.prepare(select).get(BigInt(number), BigInt(id)) !== undefined
}

function isUnused(copy: SqlDatabase, id: number): boolean {
  const select = `SELECT 1 FROM ${pastName(id)} UNION ALL SELECT 1 FROM _nightferry_past_whole WHERE id = ? LIMIT 1`
  return copy.prepare(select).get(BigInt(id)) === undefined
}

function forgetTable(copy: SqlDatabase, id: number): void {
  copy.exec(`DROP TABLE ${pastName(id)}`)
  copy.prepare('DELETE FROM _nightferry_past_table WHERE id = ?').run(BigInt(id))
}

/** Of the file and of what it does not use yet. */
function freeBytes(copy: SqlDatabase): number {
  return Number(copy.pragma('freelist_count')) * Number(copy.pragma('page_size'))
}
