/**
 * SQLite's own check of an attached file, `src`, before anything is copied out of it (BK-9).
 */

import { CodedError } from '../../schemas/errors.ts'
import type { SqlDatabase } from '../sql/sqlDatabase.ts'
import { UnsupportedDatabaseError } from './unsupportedDatabaseError.ts'

/** Lines of the check that are reported; one is enough to refuse. */
const MAX_FINDINGS = 20

/** Findings about values and constraints: the pages are intact, the application sees the same database. */
const ABOUT_VALUES = /^(NULL value in |non-\w+ value in |(NUMERIC|TEXT) value in |CHECK constraint failed in )/

/**
 * @throws {CodedError} `database.invalid` if pages are damaged.
 * @throws {UnsupportedDatabaseError} if only values contradict their definitions.
 */
export function checkFile(db: SqlDatabase): void {
  const findings = readFindings(db)
  const damage = findings.find((line) => !ABOUT_VALUES.test(line))
  if (damage !== undefined) throw new CodedError('database.invalid', `the file is damaged: ${damage.slice(0, 200)}`)
  const [odd] = findings
  if (odd !== undefined) throw new UnsupportedDatabaseError(odd)
}

function readFindings(db: SqlDatabase): string[] {
  const objects = db.prepare("SELECT name, coalesce(rootpage, 0) FROM src.sqlite_schema WHERE type = 'table'").all()
  const hasVirtual = objects.some(([, rootPage]) => rootPage === 0n)
  // The whole check also asks virtual tables about themselves, that is, it runs their code on the file's content.
  const checks = hasVirtual
    ? objects.filter(([, rootPage]) => rootPage !== 0n).map(([name]) => `src.quick_check(${quoteText(String(name))})`)
    : [`src.quick_check(${MAX_FINDINGS})`]
  return checks.flatMap((check) => runCheck(db, check))
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function runCheck(db: SqlDatabase, check: string): string[] {
  return db
    .prepare(`PRAGMA ${check}`)
    .all()
    .map(([line]) => String(line))
    .filter((line) => line !== 'ok')
}
