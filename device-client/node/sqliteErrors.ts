/** Translates the driver's error codes into ours; the only place that knows their names. */

import { CodedError, type ErrorCode } from '../../schemas/errors.ts'

/**
 * The error to throw for `cause`: coded if the world is to blame (a lock, a damaged file, a full disk),
 * otherwise `cause` itself.
 */
export function translateSqliteError(path: string, cause: unknown): unknown {
  if (cause instanceof CodedError) return cause
  const sqlite = sqliteCode(cause)
  const found = rules.find((rule) => rule.pattern.test(sqlite))
  if (found === undefined) return cause
  return new CodedError(found.code, `${found.reason}: ${path}`, { cause, next: found.next, fields: { path, sqlite } })
}

/** The driver's code, e.g. `SQLITE_BUSY`; empty for other errors. */
export function sqliteCode(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : ''
  return typeof code === 'string' ? code : ''
}

const rules: readonly { pattern: RegExp; code: ErrorCode; reason: string; next: string }[] = [
  {
    pattern: /^SQLITE_(BUSY|LOCKED)/,
    code: 'database.locked',
    reason: 'another process holds the database locked',
    next: 'Close the application or let it finish, then run the command again; the schedule tries again by itself.',
  },
  {
    pattern: /^SQLITE_NOTADB/,
    code: 'database.invalid',
    reason: 'not a SQLite database, or an encrypted one',
    next: 'Name the plain SQLite file of the application.',
  },
  {
    pattern: /^SQLITE_CORRUPT/,
    code: 'database.invalid',
    reason: 'the database file is damaged',
    next: 'Check it with "PRAGMA integrity_check", or restore the last backup.',
  },
  { pattern: /^SQLITE_FULL/, code: 'storage.full', reason: 'no space left for', next: 'Free some space on that disk.' },
  {
    pattern: /^SQLITE_(CANTOPEN|READONLY|PERM)/,
    code: 'storage.unavailable',
    reason: 'the database cannot be opened for writing',
    next: 'Check that the file and its folder belong to this user and are writable.',
  },
]
