/**
 * Decides whether a list of schema objects can be given back: views, triggers and virtual tables are data here, but on
 * the device SQLite reads their text, and one that it cannot read makes the whole restored file unreadable (BK-20).
 */

import type { SqlDatabase } from '../sql/sqlDatabase.ts'
import { findForbidden, withScratch } from './checkDefinition.ts'
import { isSystemName, quoteName, type SchemaObject } from './copyLayout.ts'

/** SQLite's own tables with their columns; their text follows from these. */
const SYSTEM_TABLES: ReadonlyMap<string, readonly string[]> = new Map([
  ['sqlite_sequence', ['name', 'seq']],
  ['sqlite_stat1', ['tbl', 'idx', 'stat']],
  ['sqlite_stat2', ['tbl', 'idx', 'sampleno', 'sample']],
  ['sqlite_stat3', ['tbl', 'idx', 'neq', 'nlt', 'ndlt', 'sample']],
  ['sqlite_stat4', ['tbl', 'idx', 'neq', 'nlt', 'ndlt', 'sample']],
])

const VIRTUAL_TABLE =
  /^CREATE VIRTUAL TABLE\s+("(?:[^"]|"")*"|\[[^\]]*\]|`(?:[^`]|``)*`|'(?:[^']|'')*'|[^\s"'`[(.;]+)\s+USING\s+[^\s;]/i

/** Columns of one of SQLite's own tables; undefined if there is none of this name. */
export function systemColumns(name: string): readonly string[] | undefined {
  return SYSTEM_TABLES.get(name)
}

/** Why this list cannot be given back; undefined if it can, as far as objects without pages go. */
export function findOddObject(objects: readonly SchemaObject[]): string | undefined {
  for (const object of objects) {
    const { type, name, tableName } = object
    if ((type === 'table' || type === 'view') && name !== tableName) return `${type} ${name} names table ${tableName}`
    if (type === 'table' && isSystemName(name)) {
      const columns = systemColumns(name)
      if (!columns || object.sql !== `CREATE TABLE ${name}(${columns.join(',')})`) return `table ${name} is unknown`
    } else if (type === 'table' && isVirtual(object)) {
      if (virtualName(object.sql ?? '') !== name) return `virtual table ${name} has another text`
    } else if (type !== 'index' && isSystemName(name)) return `the name ${name} is reserved`
  }
  return withScratch((scratch) => {
    // Triggers name a table or a view: a stand-in of that name is enough to read them.
    for (const { type, name } of objects)
      if (type === 'table' && !isSystemName(name)) scratch.exec(`CREATE TABLE ${quoteName(name)}(x)`)
    const order = ['view', 'trigger']
    for (const type of order)
      for (const object of objects) {
        const odd = object.type === type ? makeData(scratch, object) : undefined
        if (odd !== undefined) return odd
      }
    return undefined
  })
}

/** The index that is declared and not made, or made and not declared: as other versions of SQLite would make it. */
export function findOddIndex(copy: SqlDatabase): string | undefined {
  const made = `SELECT name, tbl_name FROM main.sqlite_schema
    WHERE type = 'index' AND tbl_name NOT LIKE '\\_nightferry\\_%' ESCAPE '\\'`
  const declared = "SELECT name, table_name FROM main._nightferry_copy_object WHERE type = 'index'"
  const odd = copy.prepare(
    `SELECT * FROM (${made} EXCEPT ${declared}) UNION ALL SELECT * FROM (${declared} EXCEPT ${made})`,
  )
  const [name] = odd.get() ?? []
  return name === undefined ? undefined : `index ${name}: this server would make another one`
}

function isVirtual(object: SchemaObject): boolean {
  return /^CREATE\s+VIRTUAL\s/i.test(object.sql ?? '')
}

function virtualName(sql: string): string | undefined {
  const token = VIRTUAL_TABLE.exec(sql)?.[1]
  const [quote = ''] = token ?? ''
  if (token === undefined || !'"[`\''.includes(quote)) return token
  const inner = token.slice(1, -1)
  return quote === '[' ? inner : inner.replaceAll(quote + quote, quote)
}

/** Makes a view or trigger, which resolves and runs nothing, and looks whether it is what was declared. */
function makeData(scratch: SqlDatabase, { type, name, tableName, sql }: SchemaObject): string | undefined {
  const odd = `${type} ${name}`
  if (sql === null || !/^CREATE (VIEW|TRIGGER) /.test(sql) || sql.includes('\0')) return `${odd} has another text`
  try {
    const forbidden = findForbidden(scratch, sql)
    if (forbidden !== undefined) return `${odd}: ${forbidden}`
    scratch.prepare(sql).run()
  } catch (cause) {
    return `${odd}: ${(cause as Error).message}`
  }
  const found = scratch.prepare('SELECT tbl_name, sql FROM sqlite_schema WHERE type = ? AND name = ?').get(type, name)
  return found?.[0] === tableName && found[1] === sql ? undefined : `${odd} does not make what it declares`
}
