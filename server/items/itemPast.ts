/**
 * Older states of an account's Items (TM-11): before an Item changes, its row is kept in the transaction that changes it.
 * A sync is many transactions, so a point is not one of them but the state that was left when the account was last quiet
 * or a quarter of an hour ago: what changed since belongs to it.
 */

import { readMeta } from '../backup/copyLayout.ts'
import { keepPastSince, type PastRows } from '../backup/keepPast.ts'
import { createPast, dropPast, writePastPoint } from '../backup/pastLayout.ts'
import type { SqlDatabase } from '../sql/sqlDatabase.ts'
import type { StoreName } from './stores.ts'

/** Changes within this time after the first of them go to the same point, milliseconds. */
const POINT_MS = 15 * 60_000

const COLUMNS = ['id', 'type', 'content', 'parent', 'changed', 'changed_at', 'changed_by']

/** What one transaction keeps. */
export interface ItemPast {
  /** The Item changes or goes, or one of this id comes. */
  keep(store: StoreName, id: string): void
}

/** Begins to keep in the transaction that `db` is in. */
export function openItemPast(db: SqlDatabase, now: number): ItemPast {
  createPast(db)
  const keeper = keepPastSince(db, choosePoint(db, now))
  writeTime(db, 'changed_at', now)
  const stores = new Map<StoreName, PastRows>()
  return {
    keep: (store, id) => {
      const rows =
        stores.get(store) ?? keeper.table({ name: store, key: ['id'], columns: COLUMNS, clear: false }, COLUMNS)
      stores.set(store, rows)
      rows.keep([id])
    },
  }
}

/** Nothing is kept any more, and nothing older either: it could not be gone back to without what comes now. */
export function forgetPast(db: SqlDatabase): ItemPast {
  dropPast(db)
  return { keep: () => undefined }
}

/** The number of the point that this transaction's rows belong to. */
function choosePoint(db: SqlDatabase, now: number): number {
  const begunAt = readTime(db, 'past_at')
  const [newest = null] = db.prepare('SELECT max(number) FROM _nightferry_past_point').get() ?? []
  // A point that was dropped left its rows to the one before: that one goes on.
  if (newest !== null && begunAt !== undefined && now - begunAt < POINT_MS && now >= begunAt) return Number(newest)
  const held = readMeta(db)
  const sizeBytes = Number(db.pragma('page_count')) * Number(db.pragma('page_size'))
  writePastPoint(db, held, { takenAt: readTime(db, 'changed_at') ?? now, sizeBytes })
  writeTime(db, 'past_at', now)
  return held.number
}

function readTime(db: SqlDatabase, key: string): number | undefined {
  const row = db.prepare('SELECT value FROM _nightferry_sync_meta WHERE key = ?').get(key)
  return row === undefined ? undefined : Number(row[0])
}

function writeTime(db: SqlDatabase, key: string, at: number): void {
  db.prepare('INSERT OR REPLACE INTO _nightferry_sync_meta(key, value) VALUES(?, ?)').run(key, BigInt(at))
}
