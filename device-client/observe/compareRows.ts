/**
 * Finds changed rows of a table by comparing each row's digest with the stored picture, for tables that triggers
 * do not serve. Reads only; what was found is noted as pending in the picture. Rule DC-3.
 */

import type { TextEncoding } from '../../schemas/delta/delta.ts'
import { parseLine } from '../../schemas/delta/line.ts'
import { bindCell, quoteName } from '../../schemas/delta/toSql.ts'
import { type Cell, decodeCell, TextBytes } from '../../schemas/delta/value.ts'
import type { SqlDatabase, SqlValue } from '../ports.ts'
import type { PlannedTable } from './planDelta.ts'
import { keyExpressions, putExpressions, ROW, rowReader } from './readRows.ts'
import { pictureKey, type RowPicture, rowDigest, sameDigest, tableDigest } from './rowPicture.ts'
import type { SchemaPicture } from './schemaPicture.ts'
import type { TableShape, TrackingMode } from './tableShape.ts'
import type { TrackingState } from './trackingState.ts'

/** Where rows come from and where digests are kept. */
export interface Comparison {
  readonly reader: SqlDatabase
  readonly picture: RowPicture
  readonly properties: { readonly encoding: TextEncoding }
}

/** A whole table has one digest under this key. */
const WHOLE = ''

/** Notes all rows that differ from the picture as pending; true if there are any. */
export function compareTable(comparison: Comparison, planned: PlannedTable): boolean {
  const { picture } = comparison
  const { shape, registered } = planned
  if (registered.mode === 'whole') {
    const digest = tableDigest(rowsOf(comparison, shape, 'whole'))
    const uncertain = [...picture.uncertainKeys(shape.name)].length > 0
    if (!uncertain && sameDigest(picture.digestOf(shape.name, WHOLE), digest)) return false
    picture.note(shape.name, WHOLE, digest)
    return true
  }
  const present = comparison.reader.prepare(`SELECT 1 FROM ${quoteName(shape.name)} AS ${ROW} WHERE ${matchKey(shape)}`)
  for (const key of picture.keys(shape.name)) {
    if (present.get(...bindKey(shape, key)) === undefined) picture.note(shape.name, key, null)
  }
  for (const { key, row } of keyedRows(comparison, shape)) {
    const digest = rowDigest(row)
    if (!sameDigest(picture.digestOf(shape.name, key), digest)) picture.note(shape.name, key, digest)
  }
  noteUncertain(comparison, shape)
  return picture.hasPending(shape.name)
}

/** Notes again what a differential said before: rows that changed since the last whole file, as they are now. */
export function recallTable(comparison: Comparison, { shape, registered }: PlannedTable): void {
  const { picture } = comparison
  if (!picture.recall(shape.name)) return
  if (registered.mode === 'whole') picture.note(shape.name, WHOLE, tableDigest(rowsOf(comparison, shape, 'whole')))
  else noteUncertain(comparison, shape)
}

/** What an earlier Delta said of these keys may be what the server has: say what is so now. */
function noteUncertain(comparison: Comparison, shape: TableShape): void {
  const { picture } = comparison
  const reader = rowReader(putExpressions(shape, false), comparison.properties.encoding)
  const row = comparison.reader.prepare(
    `SELECT ${reader.selectList} FROM ${quoteName(shape.name)} AS ${ROW} WHERE ${matchKey(shape)}`,
  )
  for (const key of picture.uncertainKeys(shape.name)) {
    const found = row.get(...bindKey(shape, key))
    picture.note(shape.name, key, found ? rowDigest(reader.read(found)) : null)
  }
}

/** True if the row of this key, or its absence, is what the picture says the server has. */
export function isAsPictured(comparison: Comparison, shape: TableShape, key: readonly Cell[]): boolean {
  const { picture } = comparison
  const name = pictureKey(key)
  for (const uncertain of picture.uncertainKeys(shape.name)) if (uncertain === name) return false
  const reader = rowReader(putExpressions(shape, false), comparison.properties.encoding)
  const found = comparison.reader
    .prepare(`SELECT ${reader.selectList} FROM ${quoteName(shape.name)} AS ${ROW} WHERE ${matchKey(shape)}`)
    .get(...bindKey(shape, name))
  const held = picture.digestOf(shape.name, name)
  return found === undefined ? held === undefined : sameDigest(held, rowDigest(reader.read(found)))
}

/** True if a table without a key is what the picture says the server has. */
export function isWholeAsPictured(comparison: Comparison, shape: TableShape): boolean {
  const { picture } = comparison
  if ([...picture.uncertainKeys(shape.name)].length > 0) return false
  return sameDigest(picture.digestOf(shape.name, WHOLE), tableDigest(rowsOf(comparison, shape, 'whole')))
}

/** Doubts a row of a compared table, or all of one without a key. */
export function doubtRow(picture: RowPicture, table: string, key: readonly Cell[] | undefined): void {
  picture.doubt(table, key === undefined ? WHOLE : pictureKey(key))
}

/** Every row as `put` writes it; the picture of a compared table is noted anew on the way. */
export function* allRows(comparison: Comparison, planned: PlannedTable): Generator<Cell[]> {
  const { shape, registered } = planned
  if (registered.mode === 'triggers') {
    yield* rowsOf(comparison, shape, 'triggers')
    return
  }
  notePicture(comparison, shape, registered.mode)
  yield* rowsOf(comparison, shape, registered.mode)
}

/** Notes the picture of a whole table as it is read here, replacing what was stored. */
export function notePicture(comparison: Comparison, shape: TableShape, mode: TrackingMode): void {
  const { picture } = comparison
  picture.noteReplaced(shape.name)
  if (mode === 'whole') picture.note(shape.name, WHOLE, tableDigest(rowsOf(comparison, shape, 'whole')))
  else for (const { key, row } of keyedRows(comparison, shape)) picture.note(shape.name, key, rowDigest(row))
}

/** Keys of pending rows. */
export function* pendingKeys(comparison: Comparison, planned: PlannedTable): Generator<Cell[]> {
  for (const key of comparison.picture.pendingKeys(planned.shape.name, 'all')) yield parseKey(key)
}

/** Pending rows that are there, as `put` writes them. */
export function* pendingRows(comparison: Comparison, planned: PlannedTable): Generator<Cell[]> {
  const { shape } = planned
  const reader = rowReader(putExpressions(shape, false), comparison.properties.encoding)
  const row = comparison.reader.prepare(
    `SELECT ${reader.selectList} FROM ${quoteName(shape.name)} AS ${ROW} WHERE ${matchKey(shape)}`,
  )
  for (const key of comparison.picture.pendingKeys(shape.name, 'present')) {
    const found = row.get(...bindKey(shape, key))
    if (found) yield reader.read(found)
  }
}

function* rowsOf(comparison: Comparison, shape: TableShape, mode: TrackingMode): Generator<Cell[]> {
  const reader = rowReader(putExpressions(shape, mode === 'whole'), comparison.properties.encoding)
  // ANALYZE counts our tables too; they are not the application's.
  const own = shape.name.startsWith('sqlite_stat') ? " WHERE tbl NOT LIKE '!_nightferry!_%' ESCAPE '!'" : ''
  const sql = `SELECT ${reader.selectList} FROM ${quoteName(shape.name)} AS ${ROW}${own}`
  for (const row of comparison.reader.prepare(sql).iterate()) yield reader.read(row)
}

function* keyedRows(comparison: Comparison, shape: TableShape): Generator<{ key: string; row: Cell[] }> {
  const keys = keyExpressions(shape)
  const reader = rowReader([...keys, ...putExpressions(shape, false)], comparison.properties.encoding)
  const sql = `SELECT ${reader.selectList} FROM ${quoteName(shape.name)} AS ${ROW}`
  for (const found of comparison.reader.prepare(sql).iterate()) {
    const cells = reader.read(found)
    yield { key: pictureKey(cells.slice(0, keys.length)), row: cells.slice(keys.length) }
  }
}

/** Finds one row by its key: by index first, and bearing the same octets whatever the key's collation is. */
function matchKey(shape: TableShape): string {
  if (!shape.withoutRowid)
    return keyExpressions(shape)
      .map((key) => `${key}=?`)
      .join('')
  const value = 'CASE ? WHEN 1 THEN CAST(? AS TEXT) ELSE ? END'
  return keyExpressions(shape)
    .map((key) => `${key}=${value} AND ${key} IS ${value} COLLATE BINARY`)
    .join(' AND ')
}

/** Parameters for `matchKey`; TEXT that is given as octets is flagged with 1. */
function bindKey(shape: TableShape, key: string): SqlValue[] {
  return parseKey(key).flatMap((cell) => {
    const bound = bindCell(cell)
    if (!shape.withoutRowid) return [bound]
    const flag = cell instanceof TextBytes ? 1n : 0n
    return [flag, bound, bound, flag, bound, bound]
  })
}

function parseKey(key: string): Cell[] {
  const json = parseLine(key)
  return Array.isArray(json) ? json.map(decodeCell) : []
}

/** Notes the digests of all tables that triggers do not serve, as pending. */
export function notePictures(
  reader: SqlDatabase,
  picture: RowPicture,
  schema: SchemaPicture,
  state: TrackingState,
): void {
  const comparison = { reader, picture, properties: schema.properties }
  picture.begin()
  for (const shape of schema.tables) {
    const mode = state.tables.find((table) => table.name === shape.name)?.mode
    if (mode !== undefined && mode !== 'triggers') notePicture(comparison, shape, mode)
  }
  picture.save()
}
