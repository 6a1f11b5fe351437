/**
 * What Debian's `sqlite3` says about a database file, without any code of ours: `.dump` and `.sha3sum`. The agent's
 * own objects are dropped first, in a copy, by the same shell.
 */

import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const OWN_OBJECTS = `SELECT 'DROP ' || type || ' "' || name || '";' FROM sqlite_schema
  WHERE type IN ('trigger','view','table') AND substr(name, 1, 12) = '_nightferry_' ORDER BY type = 'table'`

/** `.dump` of the database at `path`, as the shell prints it. */
export function shellDump(path: string): string {
  return withoutOwnObjects(path, (copy) => shell(copy, '.dump'))
}

/** The shell's own digest over all content (`.sha3sum`). */
export function shellDigest(path: string): string {
  return withoutOwnObjects(path, (copy) => shell(copy, '.sha3sum')).trim()
}

function withoutOwnObjects(path: string, work: (copy: string) => string): string {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-shell-'))
  const copy = join(folder, 'copy.db')
  try {
    copyFileSync(path, copy)
    const drops = shell(copy, OWN_OBJECTS)
    if (drops !== '') shell(copy, drops)
    return work(copy)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function shell(path: string, command: string): string {
  return execFileSync('sqlite3', ['-batch', path, command], { encoding: 'latin1', maxBuffer: 512 * 1024 * 1024 })
}
