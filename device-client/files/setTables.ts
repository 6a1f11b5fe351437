/**
 * A set of files as a database: its tables, the row of an entry, the list of a file's blocks. Pure. Rule FS-1.
 */

import type { DatabaseProperties, DeltaTable, SchemaObject } from '../../schemas/delta/delta.ts'
import { decodeUtf8, encodeUtf8 } from '../../schemas/utf8.ts'
import type { SqlDatabase, SqlValue } from '../ports.ts'
import type { EntryFacts, OctetPath } from './filePorts.ts'

/** `application_id` of a set: "NFFS". */
export const SET_APPLICATION_ID = 0x4e464653

/** Blocks are as they are, or one Zstandard frame. */
export const CODING = { plain: 0, zstd: 1 } as const

const ENTRY_SQL =
  'CREATE TABLE entry(path PRIMARY KEY NOT NULL, kind TEXT NOT NULL, mode INTEGER NOT NULL, mtime INTEGER NOT NULL, size INTEGER NOT NULL, target, parts TEXT) WITHOUT ROWID'
const BLOCK_SQL =
  'CREATE TABLE block(id INTEGER PRIMARY KEY, digest BLOB NOT NULL, size INTEGER NOT NULL, coding INTEGER NOT NULL, data BLOB NOT NULL)'

/** The schema of every set. */
export const SET_SCHEMA: readonly SchemaObject[] = [
  { type: 'table', name: 'entry', tableName: 'entry', sql: ENTRY_SQL },
  { type: 'table', name: 'block', tableName: 'block', sql: BLOCK_SQL },
]

export const SET_PROPERTIES: DatabaseProperties = {
  pageSize: 4096,
  encoding: 'UTF-8',
  autoVacuum: 0,
  userVersion: 1,
  applicationId: SET_APPLICATION_ID,
  journalMode: 'delete',
}

export const ENTRY_TABLE: DeltaTable = {
  name: 'entry',
  key: ['path'],
  columns: ['path', 'kind', 'mode', 'mtime', 'size', 'target', 'parts'],
  clear: false,
}
export const BLOCK_TABLE: DeltaTable = {
  name: 'block',
  key: 'rowid',
  rowidColumn: 'id',
  columns: ['id', 'digest', 'size', 'coding', 'data'],
  clear: false,
}

/** Makes an empty set of an empty database. Nobody else has it, and it is thrown away after a kill. */
export function createSet(database: SqlDatabase): void {
  database.exec(`PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA page_size=${SET_PROPERTIES.pageSize};
    PRAGMA application_id=${SET_APPLICATION_ID}; PRAGMA user_version=${SET_PROPERTIES.userVersion};
    ${ENTRY_SQL}; ${BLOCK_SQL}`)
}

/** An entry as the set has it; `parts` of a file alone. */
export interface SetEntry extends EntryFacts {
  readonly path: OctetPath
  readonly parts: string | null
}

/** The octets of a path or target. */
export function octetsOf(text: OctetPath): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

/** The text of octets, one character each. */
export function octetText(octets: Uint8Array): OctetPath {
  let text = ''
  for (const octet of octets) text += String.fromCharCode(octet)
  return text
}

/** A path as people read it; octets that are not UTF-8 are shown one by one. */
export function displayPath(path: OctetPath): string {
  return decodeUtf8(octetsOf(path)) ?? path
}

/** A path or target in a table: TEXT where it is UTF-8, so that others can read it too. */
export function pathValue(path: OctetPath): string | Uint8Array {
  const octets = octetsOf(path)
  const text = decodeUtf8(octets)
  // A NUL ends a TEXT for many readers; no file system has one in a name.
  return text === undefined || text.includes('\0') ? octets : text
}

export function readPathValue(value: SqlValue | undefined): OctetPath | undefined {
  if (typeof value === 'string') return octetText(encodeUtf8(value))
  return value instanceof Uint8Array ? octetText(value) : undefined
}

/** The row of an entry, in the order of `ENTRY_TABLE`. */
export function entryRow({ path, kind, mode, mtimeUs, sizeBytes, target, parts }: SetEntry): SqlValue[] {
  const link = target === null ? null : pathValue(target)
  return [pathValue(path), kind, BigInt(mode), BigInt(mtimeUs), BigInt(sizeBytes), link, parts]
}

/** Consecutive ids of blocks. */
export interface BlockRun {
  readonly first: number
  readonly last: number
}

/** `12-14 7` for the blocks 12, 13, 14 and 7. */
export function formatParts(ids: readonly number[]): string {
  const runs: { first: number; last: number }[] = []
  for (const id of ids) {
    const run = runs.at(-1)
    if (run && run.last + 1 === id) run.last = id
    else runs.push({ first: id, last: id })
  }
  return runs.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(' ')
}

/** Undefined if the text is no list of blocks. */
export function parseParts(text: string): BlockRun[] | undefined {
  const runs: BlockRun[] = []
  for (const part of text === '' ? [] : text.split(' ')) {
    const match = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(part)
    const first = Number(match?.[1] ?? Number.NaN)
    const last = Number(match?.[2] ?? first)
    if (!(first >= 1 && last >= first)) return undefined
    runs.push({ first, last })
  }
  return runs
}
