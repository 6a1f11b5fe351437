/**
 * The JSON records of a Delta that are not rows: head, schema entries, table heads, counts.
 * Each is checked field by field; an unknown field is an error. Rule WF-13.
 */

import { CodedError } from '../errors.ts'
import { MAX_COLUMNS, MAX_POSITIONS, MAX_SQL_CHARS, MAX_URI_CHARS } from '../limits.ts'
import { isToken, type Position } from '../syncml/position.ts'
import type {
  DatabaseProperties,
  DeltaCounts,
  DeltaHead,
  DeltaTable,
  RowKey,
  SchemaEntry,
  TextEncoding,
} from './delta.ts'

const ENCODINGS: readonly TextEncoding[] = ['UTF-8', 'UTF-16le', 'UTF-16be']
const TYPES = ['table', 'index', 'view', 'trigger'] as const

/** @throws {CodedError} `delta.invalid`. */
export function readHead(json: unknown): DeltaHead {
  const record = fields(json, ['lineage', 'positions', 'database'])
  const lineage = text(record.lineage, 32)
  if (!isToken(lineage)) throw invalid('lineage')
  const positions = list(record.positions, MAX_POSITIONS).map(readPosition)
  const ascending = positions.every((p, i) => i === 0 || p.number > (positions[i - 1]?.number ?? 0))
  if (positions.length < 2 || !ascending) throw invalid('positions')
  return { lineage, positions, database: readProperties(record.database) }
}

/** @throws {CodedError} `delta.invalid`. */
export function readProperties(json: unknown): DatabaseProperties {
  const names = ['pageSize', 'encoding', 'autoVacuum', 'userVersion', 'applicationId', 'journalMode']
  const record = fields(json, names)
  const encoding = ENCODINGS.find((known) => known === record.encoding)
  const pageSize = whole(record.pageSize, 512, 65536)
  const autoVacuum = whole(record.autoVacuum, 0, 2) as 0 | 1 | 2
  const journalMode = record.journalMode === 'wal' ? 'wal' : record.journalMode === 'delete' ? 'delete' : undefined
  if (!encoding || !journalMode || (pageSize & (pageSize - 1)) !== 0) throw invalid('database')
  const userVersion = whole(record.userVersion, -(2 ** 31), 2 ** 31 - 1)
  return { pageSize, encoding, autoVacuum, userVersion, applicationId: int32(record.applicationId), journalMode }
}

/** @throws {CodedError} `delta.invalid`. */
export function readSchemaEntry(json: unknown): SchemaEntry {
  const record = fields(json, ['type', 'name', 'tableName', 'sql'], ['rows', 'was'])
  const type = TYPES.find((known) => known === record.type)
  const sql = record.sql === null ? null : text(record.sql, MAX_SQL_CHARS)
  const rows = record.rows === 'keep' || record.rows === 'replace' ? record.rows : undefined
  if (!type || (record.rows !== undefined && (!rows || type !== 'table'))) throw invalid('schema entry')
  return {
    type,
    name: text(record.name, MAX_URI_CHARS),
    tableName: text(record.tableName, MAX_URI_CHARS),
    sql,
    ...(rows ? { rows } : {}),
    ...(record.was === undefined ? {} : { was: text(record.was, MAX_URI_CHARS) }),
  }
}

/** @throws {CodedError} `delta.invalid`. */
export function readTable(json: unknown): DeltaTable {
  const record = fields(json, ['name', 'key', 'columns', 'clear'], ['rowidColumn'])
  const columns = list(record.columns, MAX_COLUMNS).map((column) => text(column, MAX_URI_CHARS))
  const key = readKey(record.key)
  const name = text(record.name, MAX_URI_CHARS)
  if (typeof record.clear !== 'boolean' || (key === 'none' && !record.clear)) throw invalid('table')
  if (record.rowidColumn === undefined) return { name, key, columns, clear: record.clear }
  const rowidColumn = text(record.rowidColumn, MAX_URI_CHARS)
  if (key !== 'rowid' || !columns.includes(rowidColumn)) throw invalid('table')
  return { name, key, rowidColumn, columns, clear: record.clear }
}

/** @throws {CodedError} `delta.invalid`. */
export function readCounts(json: unknown): DeltaCounts {
  const record = fields(json, ['puts', 'deletes', 'schemaChanges'])
  const count = (value: unknown) => whole(value, 0, Number.MAX_SAFE_INTEGER)
  return { puts: count(record.puts), deletes: count(record.deletes), schemaChanges: count(record.schemaChanges) }
}

function readKey(json: unknown): RowKey {
  if (json === 'rowid' || json === 'none') return json
  const columns = list(json, MAX_COLUMNS).map((column) => text(column, MAX_URI_CHARS))
  if (columns.length === 0) throw invalid('key')
  return columns
}

function readPosition(json: unknown): Position {
  const [number, token, ...rest] = list(json, 2)
  if (rest.length > 0 || typeof token !== 'string' || !isToken(token)) throw invalid('position')
  return { number: whole(number, 0, Number.MAX_SAFE_INTEGER), token }
}

function fields(json: unknown, required: readonly string[], optional: readonly string[] = []): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw invalid('record')
  const record = json as Record<string, unknown>
  const known = Object.keys(record).every((name) => required.includes(name) || optional.includes(name))
  if (!known || !required.every((name) => Object.hasOwn(record, name))) throw invalid('fields')
  return record
}

function text(value: unknown, maxChars: number): string {
  if (typeof value !== 'string' || value.length > maxChars) throw invalid('text')
  return value
}

function whole(value: unknown, min: number, max: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) throw invalid('number')
  return value as number
}

function int32(value: unknown): number {
  return whole(value, -(2 ** 31), 2 ** 31 - 1)
}

function list(value: unknown, max: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length > max) throw invalid('list')
  return value
}

function invalid(what: string): CodedError {
  return new CodedError('delta.invalid', `the Delta's ${what} is not of the format`)
}
