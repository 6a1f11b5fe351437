/** The database of one simulated device, and the 15 rows that its user changes before each measured night. */

import Database from 'better-sqlite3'
import { Draws } from '../workload/random.ts'
import { drawText } from '../workload/text.ts'

export const FLEET_TABLE = 'notes'
const ROWS = 200
const EACH = 5

export function makeFleetDatabase(path: string): void {
  const db = new Database(path)
  db.pragma('journal_mode = WAL')
  db.exec('CREATE TABLE notes(id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT, changed INTEGER NOT NULL)')
  db.exec('CREATE INDEX notes_changed ON notes(changed)')
  const draws = new Draws('fleet')
  const insert = db.prepare('INSERT INTO notes VALUES(?,?,?,?)')
  db.exec('BEGIN')
  for (let id = 1; id <= ROWS; id++) insert.run(id, drawText(draws, 20), drawText(draws, 150), id)
  db.exec('COMMIT')
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.close()
}

/** What 15 changed rows say: rows that are there now, and keys that are gone. */
export interface NightRows {
  readonly puts: readonly (readonly [number, string, string, number])[]
  readonly gone: readonly number[]
}

/** Nights that are measured: the first of a server that has just started, and one that it is warm for. */
export const NIGHTS = 2

/** Five rows changed, five new, five gone; different for each device and night, from 0 on. */
export function nightRows(device: number, night: number): NightRows {
  const draws = new Draws(`fleet:${device}:${night}`)
  const text = (length: number): string => drawText(draws, length)
  // Each night in its own part of the table, so that what it takes away is still there.
  const part = ROWS / NIGHTS
  const start = 1 + night * part + draws.below(part - 4 * EACH)
  const changed = Array.from({ length: EACH }, (_, i) => [start + i, text(20), text(150), 1000 + i] as const)
  const added = Array.from(
    { length: EACH },
    (_, i) => [ROWS + 1 + night * EACH + i, text(20), text(150), 2000 + i] as const,
  )
  return { puts: [...changed, ...added], gone: Array.from({ length: EACH }, (_, i) => start + 2 * EACH + i) }
}

type Driver = InstanceType<typeof Database>

/** Carries the rows out by plain SQL in the transaction of the caller. */
export function writeNight(db: Driver, rows: NightRows): void {
  const put = db.prepare('INSERT OR REPLACE INTO notes(id, title, body, changed) VALUES(?,?,?,?)')
  const remove = db.prepare('DELETE FROM notes WHERE id=?')
  for (const id of rows.gone) remove.run(id)
  for (const row of rows.puts) put.run(...row)
}
