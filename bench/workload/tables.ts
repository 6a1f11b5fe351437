/** The application whose database is backed up: its tables, and one row of each. */

import type { Draws } from './random.ts'
import {
  capitalize,
  drawLength,
  drawPhone,
  drawSentence,
  drawText,
  drawThumbnail,
  drawWord,
  FAMILY_NAMES,
  FOLDERS,
  GIVEN_NAMES,
  LABELS,
  ORGANISATIONS,
} from './text.ts'

export type Value = string | number | Uint8Array | null
export type TableName = 'contacts' | 'events' | 'memos' | 'messages' | 'labels'

/** Seconds since 1970 that count as now. */
export const NOW = 1700000000

export const SCHEMA = `
CREATE TABLE contacts(id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, given TEXT, family TEXT, org TEXT,
  phone TEXT, email TEXT, note TEXT, starred INTEGER NOT NULL DEFAULT 0, photo BLOB, updated_at INTEGER NOT NULL);
CREATE INDEX contacts_name ON contacts(family, given);
CREATE TABLE events(id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, title TEXT, location TEXT, start_at INTEGER,
  end_at INTEGER, all_day INTEGER, rrule TEXT, remind_hours REAL, body TEXT, updated_at INTEGER NOT NULL);
CREATE INDEX events_start ON events(start_at);
CREATE TABLE memos(id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, folder TEXT, title TEXT, body TEXT,
  color INTEGER, updated_at INTEGER NOT NULL);
CREATE TABLE messages(id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, thread_id INTEGER NOT NULL, sender INTEGER,
  sent_at INTEGER NOT NULL, body TEXT, thumb BLOB, status INTEGER NOT NULL DEFAULT 0, updated_at INTEGER NOT NULL);
CREATE INDEX messages_thread ON messages(thread_id, sent_at);
CREATE TABLE labels(item_uid TEXT NOT NULL, label TEXT NOT NULL, updated_at INTEGER NOT NULL,
  PRIMARY KEY(item_uid, label)) WITHOUT ROWID;
`

/** What an update of the application does in night 1 of W4. */
export const MIGRATION = `ALTER TABLE contacts ADD COLUMN nickname TEXT;
ALTER TABLE messages ADD COLUMN edited INTEGER NOT NULL DEFAULT 0;
CREATE TABLE tasks(id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, event_id INTEGER REFERENCES events(id), title TEXT,
  due_at INTEGER, done INTEGER NOT NULL DEFAULT 0, updated_at INTEGER NOT NULL);
CREATE INDEX events_title ON events(title);`

export const COLUMNS: Readonly<Record<TableName, readonly string[]>> = {
  contacts: 'id uid given family org phone email note starred photo updated_at'.split(' '),
  events: 'id uid title location start_at end_at all_day rrule remind_hours body updated_at'.split(' '),
  memos: 'id uid folder title body color updated_at'.split(' '),
  messages: 'id uid thread_id sender sent_at body thumb status updated_at'.split(' '),
  labels: 'item_uid label updated_at'.split(' '),
}

const HALF_HOUR = 1800
const DAY = 86400

/** Draws one row; the order of the draws is part of the workload. */
export function drawRow(table: TableName, draws: Draws, id: number, at: number): Value[] {
  return makers[table](draws, id, at)
}

const makers: Readonly<Record<TableName, (draws: Draws, id: number, at: number) => Value[]>> = {
  contacts: (draws, id, at) => {
    const given = draws.pick(GIVEN_NAMES)
    const family = draws.pick(FAMILY_NAMES)
    const row: Value[] = [id, draws.uuid(), given, family]
    row.push(draws.chance(0.5) ? draws.pick(ORGANISATIONS) : null, drawPhone(draws))
    row.push(`${given}.${family}${draws.below(1000)}@example.org`.toLowerCase())
    row.push(draws.chance(0.3) ? drawText(draws, drawLength(draws, 120)) : null, draws.chance(0.1) ? 1 : 0)
    row.push(draws.chance(0.25) ? drawThumbnail(draws, draws.between(2500, 7000)) : null, at)
    return row
  },
  events: (draws, id, at) => {
    const start = NOW + draws.between(-400, 200) * DAY + draws.between(14, 40) * HALF_HOUR
    const row: Value[] = [id, draws.uuid(), drawSentence(draws, draws.between(2, 6))]
    row.push(draws.chance(0.6) ? `${capitalize(drawWord(draws))} ${draws.below(300)}` : null, start)
    row.push(start + draws.between(1, 6) * HALF_HOUR, draws.chance(0.1) ? 1 : 0)
    row.push(draws.chance(0.15) ? `FREQ=WEEKLY;COUNT=${draws.between(2, 52)}` : null)
    row.push(draws.chance(0.5) ? draws.between(1, 96) / 4 : null)
    row.push(draws.chance(0.5) ? drawText(draws, drawLength(draws, 200)) : null, at)
    return row
  },
  memos: (draws, id, at) => {
    const row: Value[] = [id, draws.uuid(), draws.pick(FOLDERS), drawSentence(draws, draws.between(2, 7))]
    row.push(drawText(draws, drawLength(draws, 900)), draws.below(8), at)
    return row
  },
  messages: (draws, id, at) => {
    const row: Value[] = [id, draws.uuid(), 1 + Math.floor(draws.fraction() * draws.fraction() * 3000)]
    row.push(draws.between(1, 3000), at, drawText(draws, drawLength(draws, 130)))
    row.push(draws.chance(0.014) ? drawThumbnail(draws, draws.between(3000, 9000)) : null, draws.below(4), at)
    return row
  },
  labels: (draws, _id, at) => [draws.uuid(), draws.pick(LABELS), at],
}
