/**
 * Decides whether a table or index definition of a device may become real in a copy (BK-6).
 *
 * The text is compiled (never run) first, to see that it is one plain CREATE statement, then run in a scratch
 * database of its own, which must afterwards hold exactly the declared object with exactly the declared text.
 */

import { MAX_SQL_CHARS } from '../../schemas/limits.ts'
import { openDatabase } from '../sql/betterSqlite.ts'
import type { SqlDatabase } from '../sql/sqlDatabase.ts'
import { isReservedName, isSystemName, quoteName } from './copyLayout.ts'

/**
 * What became of a definition. `standIns` are functions of the device that only CHECK constraints use: checks are
 * never evaluated here (BK-11), so a stand-in of the same name lets the definition compile.
 */
export type DefinitionVerdict =
  | { readonly ok: true; readonly standIns: readonly string[] }
  | { readonly ok: false; readonly reason: string }

/** More functions than any application registers for its checks. */
const MAX_STAND_INS = 64

/** Opcodes that a plain CREATE never needs: copying a query's rows, virtual tables. */
const FORBIDDEN_OPCODES = new Set(['InitCoroutine', 'Yield', 'VCreate'])

/** Judges `CREATE TABLE` text as it stands in `sqlite_schema`. */
export function checkTable(sql: string, name: string): DefinitionVerdict {
  const refusal = refuseText(sql, name, /^CREATE TABLE /)
  if (refusal !== undefined) return { ok: false, reason: refusal }
  const standIns: string[] = []
  for (;;) {
    const outcome = tryTable(sql, name, standIns)
    if (outcome.kind === 'ok') return { ok: true, standIns }
    if (outcome.kind === 'refused') return { ok: false, reason: outcome.reason }
    if (standIns.includes(outcome.name) || standIns.length >= MAX_STAND_INS)
      return { ok: false, reason: `table ${name}: function ${outcome.name} is not known here` }
    standIns.push(outcome.name)
  }
}

/** Judges `CREATE INDEX` text; `tableSql` is the accepted definition of its table. */
export function checkIndex(sql: string, name: string, tableName: string, tableSql: string): DefinitionVerdict {
  const refusal = refuseText(sql, name, /^CREATE (UNIQUE )?INDEX /)
  if (refusal !== undefined) return { ok: false, reason: refusal }
  const table = checkTable(tableSql, tableName)
  if (!table.ok) return table
  return withScratch((scratch) => {
    // An index may not use what only stands in for a function of the checks: its table comes without them.
    createDefinition(
      scratch,
      table.standIns.length === 0 ? tableSql : bareTable(tableSql, tableName, table.standIns),
      [],
    )
    const before = countObjects(scratch)
    try {
      const forbidden = findForbidden(scratch, sql)
      if (forbidden !== undefined) return { ok: false, reason: `index ${name}: ${forbidden}` }
      scratch.prepare(sql).run()
    } catch (cause) {
      return { ok: false, reason: `index ${name}: ${(cause as Error).message}` }
    }
    const [type, owner, text] =
      scratch.prepare('SELECT type, tbl_name, sql FROM sqlite_schema WHERE name = ?').get(name) ?? []
    const asDeclared = type === 'index' && owner === tableName && text === sql && countObjects(scratch) === before + 1n
    if (!asDeclared) return { ok: false, reason: `index ${name}: the definition does not make what it declares` }
    return { ok: true, standIns: [] }
  })
}

/** Runs an accepted definition in `db`, with the stand-ins its verdict named. */
export function createDefinition(db: SqlDatabase, sql: string, standIns: readonly string[]): void {
  for (const name of standIns) db.standInFunction(name)
  db.prepare(sql).run()
}

function refuseText(sql: string, name: string, shape: RegExp): string | undefined {
  if (sql.length > MAX_SQL_CHARS) return `definition of ${name}: longer than ${MAX_SQL_CHARS} characters`
  if (isReservedName(name) || isSystemName(name)) return `definition of ${name}: the name is reserved`
  // Texts that are not well-formed would reach SQLite as other texts.
  if (sql.includes('\0') || sql.includes('\uFFFD') || !sql.isWellFormed())
    return `definition of ${name}: the text is not well-formed`
  if (!shape.test(sql)) return `definition of ${name}: not a plain CREATE statement`
  return undefined
}

type TableOutcome =
  | { readonly kind: 'ok' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'function-missing'; readonly name: string }

function tryTable(sql: string, name: string, standIns: readonly string[]): TableOutcome {
  return withScratch((scratch) => {
    try {
      for (const standIn of standIns) scratch.standInFunction(standIn)
      const forbidden = findForbidden(scratch, sql)
      if (forbidden !== undefined) return { kind: 'refused', reason: `table ${name}: ${forbidden}` }
      scratch.prepare(sql).run()
    } catch (cause) {
      const { message } = cause as Error
      const missing = /^no such function: (.+)$/s.exec(message)?.[1]
      if (missing !== undefined) return { kind: 'function-missing', name: missing }
      return { kind: 'refused', reason: `table ${name}: ${message}` }
    }
    if (!holdsOnlyTable(scratch, sql, name))
      return { kind: 'refused', reason: `table ${name}: the definition does not make what it declares` }
    if (standIns.length > 0 && hasGeneratedColumns(scratch, name))
      return { kind: 'refused', reason: `table ${name}: function ${standIns.join(', ')} is not known here` }
    return { kind: 'ok' }
  })
}

/** Runs `fn` on an empty database in memory. */
export function withScratch<T>(fn: (scratch: SqlDatabase) => T): T {
  const scratch = openDatabase(':memory:', { cipher: { kind: 'none' } })
  try {
    return fn(scratch)
  } finally {
    scratch.close()
  }
}

/** What in the compiled statement does more than declare; compiling runs nothing. */
export function findForbidden(scratch: SqlDatabase, sql: string): string | undefined {
  for (const [, opcode] of scratch.prepare(`EXPLAIN ${sql}`).iterate())
    if (FORBIDDEN_OPCODES.has(String(opcode))) return 'the definition does more than declare'
  return undefined
}

function countObjects(scratch: SqlDatabase): bigint {
  return scratch.prepare('SELECT count(*) FROM sqlite_schema').get()?.[0] as bigint
}

function holdsOnlyTable(scratch: SqlDatabase, sql: string, name: string): boolean {
  const objects = scratch.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema').all()
  // It must be there: a table made in another schema (`temp.t`) leaves this one empty.
  const made = objects.some(
    ([type, object, table, text]) => type === 'table' && object === name && table === name && text === sql,
  )
  const others = objects.filter(([type, object]) => !(type === 'table' && object === name))
  return (
    made &&
    others.every(([type, object, table, text]) =>
      type === 'index' ? table === name && text === null : type === 'table' && object === 'sqlite_sequence',
    )
  )
}

/** A definition with the same columns and nothing else. */
function bareTable(sql: string, name: string, standIns: readonly string[]): string {
  return withScratch((scratch) => {
    createDefinition(scratch, sql, standIns)
    const columns = scratch.prepare('SELECT name FROM pragma_table_xinfo(?) ORDER BY cid').all(name)
    return `CREATE TABLE ${quoteName(name)}(${columns.map(([column]) => quoteName(String(column))).join(', ')})`
  })
}

function hasGeneratedColumns(scratch: SqlDatabase, name: string): boolean {
  const found = scratch.prepare('SELECT 1 FROM pragma_table_xinfo(?) WHERE hidden IN (2, 3)').get(name)
  return found !== undefined
}
