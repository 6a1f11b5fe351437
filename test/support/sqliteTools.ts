/**
 * The comparison of database files by Debian's own tools: the `sqlite3` shell and `sqldiff`. None of our code reads
 * the files; the agent's `_nightferry_*` objects, which are not the user's data, are dropped by the shell.
 */

import { execFileSync } from 'node:child_process'
import { interop } from './requireProgram.ts'

const shell = interop('sqlite3', 'sqlite3')
const differ = interop('sqldiff', 'sqlite3-tools')

/** Whether both tools are here; `reason` for the title of what is skipped without them. */
export const sqliteTools = {
  available: shell.available && differ.available,
  reason: `${shell.reason}${differ.reason}`,
}

/** What the shell prints for `commands` on the database at `path`. @throws Error if it fails or writes to stderr. */
export function runShell(path: string, ...commands: readonly string[]): string {
  return execFileSync('sqlite3', ['-batch', '-bail', path, ...commands], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** A `.backup` of the database at `path` as it is now, without the agent's objects, as a new file at `copyPath`. */
export function takeReference(path: string, copyPath: string): void {
  runShell(path, '.timeout 5000', `.backup '${copyPath.replaceAll("'", "''")}'`)
  const drops = runShell(
    copyPath,
    `SELECT printf('DROP %s "%w";', type, name) FROM sqlite_schema
     WHERE name GLOB '_nightferry_*' AND type IN ('table', 'trigger') ORDER BY type = 'table'`,
  )
  if (drops !== '') runShell(copyPath, drops)
}

/** What the tools say of two files; all of it must be the same, and `sqldiff` empty. */
export interface ToolsVerdict {
  readonly dumps: readonly [string, string]
  readonly digests: readonly [string, string]
  readonly difference: string
  readonly integrity: readonly [string, string]
}

/** Compares two plain files: `.dump`, `.sha3sum --schema`, `sqldiff --schema`-less content, `integrity_check`. */
export function compareByTools(left: string, right: string): ToolsVerdict {
  const both = (...commands: readonly string[]): readonly [string, string] => [
    runShell(left, ...commands),
    runShell(right, ...commands),
  ]
  return {
    dumps: both('.dump'),
    digests: both('.sha3sum --schema'),
    difference: execFileSync('sqldiff', [left, right], { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 }),
    integrity: both('PRAGMA integrity_check'),
  }
}
