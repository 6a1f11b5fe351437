/**
 * A set of files in the place of an observed database: what a scan found becomes a Delta or a whole file, and the
 * picture moves when the server has it. Rules FS-4, FS-8.
 */

import { DeltaWriter } from '../../schemas/delta/deltaWriter.ts'
import type { Position } from '../../schemas/syncml/position.ts'
import type { PreparedBackup, PreparedDelta, TrackingSummary } from '../observe/preparedBackup.ts'
import { newToken } from '../observe/seal.ts'
import type { Random, SqlDatabase } from '../ports.ts'
import type { SetPicture } from './setPicture.ts'
import { BLOCK_TABLE, ENTRY_TABLE, entryRow, pathValue, SET_PROPERTIES } from './setTables.ts'

/** Unanswered Deltas, far below the positions that one may name. */
const MAX_UNANSWERED = 500

const PIECE_CHARS = 64 * 1024

export interface SetTrackerParts {
  readonly picture: SetPicture
  readonly random: Random
  /** What the last scan found: new blocks; undefined if everything goes anyway. */
  readonly news: SqlDatabase | undefined
  /** After a whole set was read: the id its next block would get. */
  readonly nextBlockOfWhole: () => number
}

export class SetTracker {
  readonly #parts: SetTrackerParts

  constructor(parts: SetTrackerParts) {
    this.#parts = parts
  }

  summary(): TrackingSummary {
    const { lineage, acknowledged } = this.#parts.picture.state()
    const number = acknowledged?.number ?? 0
    return { installed: true, lineage, acknowledged: number, current: number }
  }

  prepareDelta(): PreparedDelta | 'none' | 'full' {
    const { picture, random, news } = this.#parts
    const { lineage, acknowledged, sent, unconfirmed, openNumber } = picture.state()
    if (lineage === null || acknowledged === null || news === undefined || sent.length > MAX_UNANSWERED) return 'full'
    if (!picture.hasNews() && !unconfirmed && sent.length === 0) return 'none'
    const position = { number: openNumber, token: newToken(random) }
    const chain = { lineage, positions: [acknowledged, ...sent, position] }
    const writer = new DeltaWriter()
    return {
      chain,
      pieces: () => writeSetDelta(picture, news, writer, chain),
      finish: () => ({
        chain,
        counts: writer.counts(),
        markSent: () => this.#markSent(position),
        acknowledge: () => this.#acknowledge(position),
      }),
      discard: () => undefined,
    }
  }

  prepareFull(): { readonly position: Position; readonly lineage: string } {
    const { picture, random } = this.#parts
    return { position: { number: picture.state().openNumber, token: newToken(random) }, lineage: newToken(random) }
  }

  /** The whole set was read; a lost answer must not cost a second one, so from `markSent` on the new life counts. */
  describeImage(_image: unknown, lineage: string, position: Position): PreparedBackup {
    const { picture, nextBlockOfWhole } = this.#parts
    return {
      chain: { lineage, positions: [position] },
      markSent: () =>
        picture.transaction(() => {
          picture.acknowledge(true)
          beginLife(picture, lineage, position, nextBlockOfWhole())
        }),
      acknowledge: () => confirmLife(picture, lineage),
    }
  }

  #markSent(position: Position): void {
    const { picture } = this.#parts
    picture.transaction(() => {
      const state = picture.state()
      const sent = [...state.sent, position]
      picture.writeState({ ...state, sent, pendingSent: true, openNumber: position.number + 1 })
    })
  }

  #acknowledge(position: Position): void {
    const { picture } = this.#parts
    picture.transaction(() => {
      picture.acknowledge(false)
      const state = picture.state()
      picture.writeState({ ...state, acknowledged: position, sent: [], pendingSent: false, unconfirmed: false })
    })
  }
}

/** A new life begins at `position`; the server has not confirmed it yet. Call it in the transaction of the picture. */
export function beginLife(picture: SetPicture, lineage: string, position: Position, nextBlock: number): void {
  const { number, token } = position
  picture.writeState({
    ...{ version: 1, lineage, acknowledged: { number, token }, unconfirmed: true, sent: [], pendingSent: false },
    ...{ openNumber: number + 1, nextBlock },
  })
}

/** The server has exactly this life. */
export function confirmLife(picture: SetPicture, lineage: string): void {
  const state = picture.state()
  if (state.lineage === lineage) picture.writeState({ ...state, unconfirmed: false })
}

function* writeSetDelta(
  picture: SetPicture,
  news: SqlDatabase,
  writer: DeltaWriter,
  chain: PreparedDelta['chain'],
): Generator<string> {
  let piece = writer.head({ ...chain, database: SET_PROPERTIES })
  for (const text of lines(picture, news, writer)) {
    piece += text
    if (piece.length < PIECE_CHARS) continue
    yield piece
    piece = ''
  }
  yield piece + writer.end()
}

function* lines(picture: SetPicture, news: SqlDatabase, writer: DeltaWriter): Generator<string> {
  const leaving = [...picture.leavingBlocks()]
  const coming = [...picture.newBlocks()]
  if (leaving.length + coming.length > 0) {
    yield writer.table(BLOCK_TABLE)
    for (const id of [...leaving, ...coming]) yield writer.touched([BigInt(id)])
    const block = news.prepare('SELECT id, digest, size, coding, data FROM block WHERE id=?')
    for (const id of coming) {
      const row = block.get(BigInt(id))
      if (row === undefined) throw new Error(`block ${id} is not in the stage`)
      yield writer.put(row)
    }
  }
  yield writer.table(ENTRY_TABLE)
  for (const path of picture.newPaths()) yield writer.touched([pathValue(path)])
  for (const entry of picture.newEntries()) yield writer.put(entryRow(entry))
}
