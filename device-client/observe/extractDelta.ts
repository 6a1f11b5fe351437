/**
 * Writes a Delta out of one read transaction, piece by piece: memory follows the largest row. The caller holds the
 * transaction on `reader` and drains the pieces before it ends it. Rules DC-6 to DC-8, WF-10.
 */

import type { DatabaseProperties } from '../../schemas/delta/delta.ts'
import type { DeltaWriter } from '../../schemas/delta/deltaWriter.ts'
import { quoteName } from '../../schemas/delta/toSql.ts'
import type { PositionChain } from '../../schemas/syncml/position.ts'
import type { SqlDatabase } from '../ports.ts'
import { allRows, compareTable, pendingKeys, pendingRows } from './compareRows.ts'
import type { DeltaPlan, PlannedTable } from './planDelta.ts'
import { deltaTableOf, keyExpressions, putExpressions, ROW, rowReader } from './readRows.ts'
import type { RowPicture } from './rowPicture.ts'
import { logTableName } from './triggers.ts'

/** Characters gathered before a piece is handed on. */
const PIECE_CHARS = 64 * 1024

export interface Extraction {
  readonly reader: SqlDatabase
  readonly picture: RowPicture
  readonly chain: PositionChain
  readonly properties: DatabaseProperties
  readonly plan: DeltaPlan
  /** Notes under numbers up to this one are no change; they are written all the same. */
  readonly after: number
}

/** Compares the tables that triggers do not serve. True if the Delta would say anything at all. */
export function findChanges(extraction: Extraction): boolean {
  const { plan } = extraction
  let changed = plan.schema !== undefined || plan.propertiesChanged
  for (const planned of plan.tables) {
    if (planned.rows === 'replace') changed = true
    else if (planned.registered.mode === 'triggers') changed ||= hasNotes(extraction, planned, extraction.after)
    else changed = compareTable(extraction, planned) || changed
  }
  return changed
}

/** The Delta's text in pieces. Call `findChanges` before, in the same transaction. */
export function* writeDelta(extraction: Extraction, writer: DeltaWriter): Generator<string> {
  let piece = writer.head({ ...extraction.chain, database: extraction.properties })
  const { schema, tables } = extraction.plan
  if (schema) piece += writer.schema(schema.entries, schema.changes)
  for (const planned of tables) {
    for (const text of writeTable(extraction, planned, writer)) {
      piece += text
      if (piece.length < PIECE_CHARS) continue
      yield piece
      piece = ''
    }
  }
  yield piece + writer.end()
}

function* writeTable(extraction: Extraction, planned: PlannedTable, writer: DeltaWriter): Generator<string> {
  const { mode } = planned.registered
  if (planned.rows === 'replace') yield* writeWhole(extraction, planned, writer)
  else if (mode === 'triggers') yield* writeNoted(extraction, planned, writer)
  else if (mode === 'compare') yield* writeCompared(extraction, planned, writer)
  else if (extraction.picture.hasPending(planned.shape.name)) yield* writeWhole(extraction, planned, writer)
}

function* writeWhole(extraction: Extraction, planned: PlannedTable, writer: DeltaWriter): Generator<string> {
  const { shape, registered } = planned
  const keyless = registered.mode === 'whole'
  yield writer.table(deltaTableOf(shape, true, keyless))
  for (const row of allRows(extraction, planned)) yield writer.put(row)
}

function* writeNoted(extraction: Extraction, planned: PlannedTable, writer: DeltaWriter): Generator<string> {
  const { shape, registered } = planned
  if (!hasNotes(extraction, planned, 0)) return
  const encoding = extraction.properties.encoding
  yield writer.table(deltaTableOf(shape, false, false))
  const keys = rowReader(logColumns(planned), encoding)
  const notes = `(${notesSql(planned)}) AS _nightferry_note`
  for (const row of extraction.reader.prepare(`SELECT ${keys.selectList} FROM ${notes}`).iterate()) {
    yield writer.touched(keys.read(row))
  }
  const reader = rowReader(putExpressions(shape, false), encoding)
  const same = keyExpressions(shape).map((key, i) => {
    const note = `_nightferry_note.${registered.withoutRowid ? `k${i}` : 'key'}`
    // The index is found by the key's own collation; the same row must also bear the same octets.
    return registered.withoutRowid ? `${key}=${note} AND ${key} IS ${note} COLLATE BINARY` : `${key}=${note}`
  })
  const sql = `SELECT ${reader.selectList} FROM ${notes} CROSS JOIN ${quoteName(shape.name)} AS ${ROW} ON ${same.join(' AND ')}`
  for (const row of extraction.reader.prepare(sql).iterate()) yield writer.put(reader.read(row))
}

function* writeCompared(extraction: Extraction, planned: PlannedTable, writer: DeltaWriter): Generator<string> {
  const { picture } = extraction
  const { shape } = planned
  if (!picture.hasPending(shape.name)) return
  yield writer.table(deltaTableOf(shape, false, false))
  for (const key of pendingKeys(extraction, planned)) yield writer.touched(key)
  for (const row of pendingRows(extraction, planned)) yield writer.put(row)
}

function hasNotes({ reader }: Extraction, { registered }: PlannedTable, after: number): boolean {
  const { id, withoutRowid } = registered
  const notes = withoutRowid ? `${quoteName(logTableName(id))} WHERE` : `_nightferry_change WHERE tbl=${id} AND`
  return reader.prepare(`SELECT 1 FROM ${notes} number>? LIMIT 1`).get(BigInt(after)) !== undefined
}

/**
 * All keys noted up to the moment of the snapshot, also those of the open number: rows are read as they are now, so a
 * transaction between the seal and the snapshot must come whole or it would be torn. It travels again (DC-28).
 */
function notesSql({ registered, shape }: PlannedTable): string {
  const { id, withoutRowid } = registered
  if (!withoutRowid) return `SELECT DISTINCT key FROM _nightferry_change WHERE tbl=${id}`
  const keys = shape.primaryKey.map((_, i) => `k${i}`).join(',')
  return `SELECT DISTINCT ${keys} FROM ${quoteName(logTableName(id))}`
}

function logColumns(planned: PlannedTable): string[] {
  return planned.registered.withoutRowid ? planned.shape.primaryKey.map((_, i) => `k${i}`) : ['key']
}
