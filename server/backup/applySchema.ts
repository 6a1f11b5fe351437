/**
 * Makes a copy's tables and indexes those of a device's schema. Rows of kept tables stay where they are: appended
 * columns and new names change only the text, as they did on the device. Definitions are checked before they are
 * run; triggers, views and virtual tables become data. Rules BK-5 to BK-7.
 */

import type { SchemaEntry } from '../../schemas/delta/delta.ts'
import { CodedError } from '../../schemas/errors.ts'
import { MAX_SCHEMA_OBJECTS } from '../../schemas/limits.ts'
import type { SqlDatabase } from '../sql/sqlDatabase.ts'
import { checkIndex, checkTable, createDefinition } from './checkDefinition.ts'
import { findOddIndex, findOddObject } from './checkObjects.ts'
import {
  isReservedName,
  isSystemName,
  quoteName,
  readObjects,
  type SchemaObject,
  systemTableName,
  writeObjects,
} from './copyLayout.ts'
import { rewriteTables, type TableRewrite } from './rewriteTables.ts'

/**
 * Applies the whole list; runs inside the Delta's transaction.
 *
 * @throws {CodedError} `delta.unsupported` if a definition cannot be evaluated here, `delta.conflict` if the list
 *   speaks of tables the copy does not have, `delta.invalid` if it contradicts itself.
 */
export function applySchema(copy: SqlDatabase, entries: readonly SchemaEntry[]): void {
  checkList(entries)
  const before = readObjects(copy)
  const kept = keptTables(before, entries)
  dropIndexes(copy, before, entries, kept)
  dropTables(copy, before, entries, kept)
  rewriteTables(
    copy,
    [...kept.values()].filter((table) => table.oldName !== table.name || table.oldSql !== table.sql),
  )
  createTables(copy, entries, kept)
  createIndexes(copy, entries)
  writeObjects(copy, entries)
  const odd = findOddIndex(copy) ?? findOddObject(entries)
  if (odd !== undefined) throw new CodedError('delta.unsupported', odd)
}

/** Ordinary tables are real in the copy; SQLite's own and virtual ones are not. */
export function isRealTable(object: {
  readonly type: string
  readonly name: string
  readonly sql: string | null
}): boolean {
  return object.type === 'table' && !isSystemName(object.name) && !/^CREATE\s+VIRTUAL\s/i.test(object.sql ?? '')
}

function checkList(entries: readonly SchemaEntry[]): void {
  if (entries.length > MAX_SCHEMA_OBJECTS) throw new CodedError('protocol.too-large', 'too many schema objects')
  const names = new Set<string>()
  for (const entry of entries) {
    if (isReservedName(entry.name) || isReservedName(entry.tableName)) {
      throw new CodedError('delta.invalid', `the name ${entry.name} is reserved`)
    }
    // Triggers have names of their own; tables, views and indexes share theirs.
    const key = `${entry.type === 'trigger'} ${entry.name.toLowerCase()}`
    if (names.has(key)) throw new CodedError('delta.invalid', `two objects are named ${entry.name}`)
    names.add(key)
    if (entry.sql === null && entry.type !== 'index') throw new CodedError('delta.invalid', `${entry.name} has no text`)
  }
}

/** Tables whose rows stay, by their new name. */
function keptTables(before: readonly SchemaObject[], entries: readonly SchemaEntry[]): Map<string, TableRewrite> {
  const kept = new Map<string, TableRewrite>()
  for (const entry of entries) {
    if (!isRealTable(entry) || entry.rows !== 'keep') continue
    const oldName = entry.was ?? entry.name
    const old = before.find((object) => isRealTable(object) && object.name === oldName)
    const claimed = [...kept.values()].some((table) => table.oldName === oldName)
    if (!old || claimed) throw new CodedError('delta.conflict', `table ${oldName} is not in the copy`)
    kept.set(entry.name, { oldName, oldSql: old.sql ?? '', name: entry.name, sql: entry.sql ?? '' })
  }
  return kept
}

function dropIndexes(
  copy: SqlDatabase,
  before: readonly SchemaObject[],
  entries: readonly SchemaEntry[],
  kept: ReadonlyMap<string, TableRewrite>,
): void {
  for (const index of before) {
    if (index.type !== 'index' || index.sql === null) continue
    const stays = entries.some(
      (entry) =>
        entry.type === 'index' &&
        entry.name === index.name &&
        entry.tableName === index.tableName &&
        entry.sql === index.sql,
    )
    const table = kept.get(index.tableName)
    // An index of a table that is dropped goes with it; one of a renamed table has another text anyway.
    if (stays && table && table.oldName === index.tableName) continue
    copy.exec(`DROP INDEX IF EXISTS ${quoteName(index.name)}`)
  }
}

function dropTables(
  copy: SqlDatabase,
  before: readonly SchemaObject[],
  entries: readonly SchemaEntry[],
  kept: ReadonlyMap<string, TableRewrite>,
): void {
  const stays = new Set([...kept.values()].map((table) => table.oldName))
  for (const object of before) {
    if (isRealTable(object) && !stays.has(object.name)) copy.exec(`DROP TABLE ${quoteName(object.name)}`)
    const system = object.type === 'table' && isSystemName(object.name)
    if (system && !entries.some((entry) => entry.name === object.name)) {
      copy.exec(`DROP TABLE IF EXISTS ${quoteName(systemTableName(object.name))}`)
    }
  }
}

function createTables(
  copy: SqlDatabase,
  entries: readonly SchemaEntry[],
  kept: ReadonlyMap<string, TableRewrite>,
): void {
  for (const entry of entries) {
    if (!isRealTable(entry) || kept.has(entry.name)) continue
    const verdict = checkTable(entry.sql ?? '', entry.name)
    if (!verdict.ok) throw new CodedError('delta.unsupported', verdict.reason)
    createDefinition(copy, entry.sql ?? '', verdict.standIns)
  }
}

function createIndexes(copy: SqlDatabase, entries: readonly SchemaEntry[]): void {
  const present = new Set(
    copy
      .prepare("SELECT name FROM sqlite_schema WHERE type='index'")
      .all()
      .map(([name]) => String(name)),
  )
  for (const entry of entries) {
    if (entry.type !== 'index' || entry.sql === null || present.has(entry.name)) continue
    const table = entries.find((candidate) => isRealTable(candidate) && candidate.name === entry.tableName)
    const verdict = checkIndex(entry.sql, entry.name, entry.tableName, table?.sql ?? '')
    if (!verdict.ok) throw new CodedError('delta.unsupported', verdict.reason)
    createDefinition(copy, entry.sql, verdict.standIns)
  }
}
