/**
 * SQLite's own check of an attached file, `src`, before anything is copied out of it (BK-9).
 */

import { CodedError } from '../../schemas/errors.ts'
import type { SqlDatabase } from '../sql/sqlDatabase.ts'
import { UnsupportedDatabaseError } from './unsupportedDatabaseError.ts'

/** Lines of the check that are reported; one is enough to refuse. */
const MAX_FINDINGS = 20

/** Findings about values and constraints: the pages are intact, the application sees the same database. */
const ABOUT_VALUES =
  /^(NULL value in |non-\w+ value in |(NUMERIC|TEXT) value in |CHECK constraint failed in |cannot check: )/

const UNKNOWN = 'cannot check: '

/**
 * Checks `src`.
 *
 * @throws {CodedError} `database.invalid` if pages are damaged.
 * @throws {UnsupportedDatabaseError} if only values contradict their definitions, or definitions are beyond us.
 */
export function checkFile(db: SqlDatabase): void {
  const findings = readFindings(db)
  const damage = findings.find((line) => !ABOUT_VALUES.test(line))
  if (damage !== undefined) throw new CodedError('database.invalid', `the file is damaged: ${damage.slice(0, 200)}`)
  const [odd] = findings
  if (odd !== undefined) throw new UnsupportedDatabaseError(odd)
}

function readFindings(db: SqlDatabase): readonly string[] {
  const tables = db.prepare("SELECT name, coalesce(rootpage, 0) FROM src.sqlite_schema WHERE type = 'table'").all()
  const hasVirtual = tables.some(([, rootPage]) => rootPage === 0n)
  // The whole check also asks virtual tables about themselves, that is, it runs their code on the file's content.
  if (!hasVirtual) {
    const whole = runCheck(db, `${MAX_FINDINGS}`)
    if (whole.unknown === undefined) return whole.findings
  }
  const checks = tables.filter(([, rootPage]) => rootPage !== 0n).map(([name]) => runCheck(db, quoteText(String(name))))
  const findings = checks.flatMap((check) => check.findings)
  const unknown = checks.find((check) => check.unknown !== undefined)?.unknown
  // Damage outweighs it: a kept file is one whose other tables are intact.
  return unknown === undefined ? findings : [...findings, unknown]
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

interface Check {
  readonly findings: readonly string[]
  /** What keeps SQLite from checking here: a collation or function it does not know. */
  readonly unknown?: string
}

function runCheck(db: SqlDatabase, argument: string): Check {
  try {
    const lines = db.prepare(`PRAGMA src.quick_check(${argument})`).all()
    return { findings: lines.map(([line]) => String(line)).filter((line) => line !== 'ok') }
  } catch (cause) {
    const { code, message } = cause as { code?: unknown; message: string }
    if (code !== 'SQLITE_ERROR' && code !== 'SQLITE_ERROR_MISSING_COLLSEQ') throw cause
    return { findings: [], unknown: `${UNKNOWN}${message}` }
  }
}
