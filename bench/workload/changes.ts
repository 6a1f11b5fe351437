/** What a user changes in one row of each table. */

import type { Draws } from './random.ts'
import type { TableName, Value } from './tables.ts'
import {
  drawLength,
  drawPhone,
  drawSentence,
  drawText,
  drawThumbnail,
  FOLDERS,
  GIVEN_NAMES,
  ORGANISATIONS,
} from './text.ts'

type Change = Record<string, Value>

/**
 * Draws new values for some columns of `row`. All candidates are drawn before one is chosen: their draws are part of
 * the workload. `migrated` tells whether the columns of W4 are there.
 */
export function drawChange(table: TableName, draws: Draws, row: readonly Value[], migrated: boolean): Change {
  if (table === 'contacts') return contactChange(draws, row, migrated)
  if (table === 'events') return eventChange(draws, row)
  if (table === 'memos') return memoChange(draws, row)
  return messageChange(draws, row, migrated)
}

function contactChange(draws: Draws, row: readonly Value[], migrated: boolean): Change {
  const change = draws.pick<Change>([
    { phone: drawPhone(draws) },
    { note: drawText(draws, drawLength(draws, 120)) },
    { starred: 1 - Number(row[8]) },
    { org: draws.pick(ORGANISATIONS) },
    { photo: drawThumbnail(draws, draws.between(2500, 7000)) },
  ])
  return migrated && draws.chance(0.3) ? { ...change, nickname: draws.pick(GIVEN_NAMES) } : change
}

function eventChange(draws: Draws, row: readonly Value[]): Change {
  return draws.pick<Change>([
    { start_at: Number(row[4]) + 3600, end_at: Number(row[5]) + 3600 },
    { title: drawSentence(draws, draws.between(2, 6)) },
    { body: drawText(draws, drawLength(draws, 200)) },
  ])
}

function memoChange(draws: Draws, row: readonly Value[]): Change {
  return draws.pick<Change>([
    { body: `${row[4] ?? ''} ${drawSentence(draws, 9)}` },
    { folder: draws.pick(FOLDERS) },
    { body: drawText(draws, drawLength(draws, 900)) },
  ])
}

function messageChange(draws: Draws, row: readonly Value[], migrated: boolean): Change {
  const status = (Number(row[7]) + 1) % 4
  const change = draws.pick<Change>([{ status }, { status }, { body: drawText(draws, drawLength(draws, 130)) }])
  return migrated && change.body !== undefined ? { ...change, edited: 1 } : change
}
