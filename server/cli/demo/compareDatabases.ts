/**
 * Compares two database files without any code of the backup: every value through SQLite's own `quote()`, and, where
 * the sqlite3 shell is installed, by its `.dump`. The agent's own objects are left out on both sides.
 */

import { spawnSync } from 'node:child_process'
import { copyFileSync, rmSync } from 'node:fs'
import { openDatabase } from '../../sql/betterSqlite.ts'
import type { SqlDatabase } from '../../sql/sqlDatabase.ts'

/** How the comparison ended, and what was compared. */
export interface Comparison {
  readonly equal: boolean
  readonly rows: number
  /** Ways that were used: `values`, and `sqlite3 .dump` if the shell is there. */
  readonly ways: readonly string[]
}

/** Compares the databases at `left` and `right`; works on copies beside them, which are removed. */
export function compareDatabases(left: string, right: string): Comparison {
  const copies = [left, right].map((path) => `${path}.compare`)
  try {
    copyFileSync(left, copies[0] ?? '')
    copyFileSync(right, copies[1] ?? '')
    const [leftLines = [], rightLines = []] = copies.map(readLines)
    const dumps = copies.map((copy) => dumpByShell(copy))
    const shell = dumps[0] !== undefined
    return {
      equal: leftLines.join('\n') === rightLines.join('\n') && dumps[0] === dumps[1],
      rows: leftLines.filter((line) => line.startsWith('row ')).length,
      ways: shell ? ['values', 'sqlite3 .dump'] : ['values'],
    }
  } finally {
    for (const copy of copies) rmSync(copy, { force: true })
  }
}

/** Schema, header values and every row as text, after the agent's objects are taken away. */
function readLines(path: string): string[] {
  const database = openDatabase(path, { cipher: { kind: 'none' } })
  try {
    for (const [type, name] of ownObjects(database)) database.exec(`DROP ${type} ${name}`)
    const schema = database
      .prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name <> 'sqlite_stat1'")
      .all()
    const lines = schema.map((object) => `schema ${JSON.stringify(object)}`)
    for (const pragma of ['user_version', 'application_id', 'encoding', 'page_size', 'integrity_check']) {
      lines.push(`${pragma} ${String(database.pragma(pragma))}`)
    }
    for (const [type, name] of schema) if (type === 'table') lines.push(...readTable(database, String(name)))
    return lines
  } finally {
    database.close()
  }
}

/** Type and quoted name of the agent's objects, triggers first. */
function ownObjects(database: SqlDatabase): (readonly [string, string])[] {
  const rows = database
    .prepare(
      `SELECT type, name FROM sqlite_schema WHERE type IN ('trigger','view','table')
       AND substr(name, 1, 12) = '_nightferry_' ORDER BY type = 'table'`,
    )
    .all()
  return rows.map(([type, name]) => [String(type), quoteName(String(name))])
}

function readTable(database: SqlDatabase, table: string): string[] {
  const columns = database.prepare(`SELECT * FROM ${quoteName(table)}`).columns()
  const quoted = columns.map((column) => `quote(${quoteName(column)})`).join(", ',', ")
  return database
    .prepare(`SELECT concat(${quoted}) AS line FROM ${quoteName(table)} ORDER BY line`)
    .all()
    .map(([line]) => `row ${table} ${String(line)}`)
}

function dumpByShell(path: string): string | undefined {
  const result = spawnSync('sqlite3', [path, '.dump'], { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 })
  return result.error === undefined && result.status === 0 ? result.stdout : undefined
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
