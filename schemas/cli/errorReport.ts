/**
 * How a failed command tells of its error: as JSON for scripts, as text with cause and next step for people.
 * One shape for both programs.
 */

import { CodedError, type ErrorCode, errorEntry, type RetryAdvice } from '../errors.ts'
import { EXIT, type ExitCode, exitCodeOf } from './exitCode.ts'

/** The one JSON object a failed command prints with `--json`. */
export interface ErrorReport {
  readonly error: {
    readonly code: ErrorCode
    readonly message: string
    readonly next: string
  }
}

const advice: Readonly<Record<RetryAdvice, string>> = {
  never: '',
  later: 'Try again later.',
  'after-login': 'Check user name and password or token.',
  'full-backup': 'Run the backup again; a full backup follows by itself.',
  'fetch-map': 'Start the restore again.',
  operator: 'Somebody must look at this before it can go on.',
}

/** A failure in the one shape both programs print. What is no CodedError is our mistake: `internal`. */
export function reportError(error: unknown): ErrorReport {
  const code = error instanceof CodedError ? error.code : 'internal'
  const message = error instanceof Error ? error.message : String(error)
  const next = error instanceof CodedError && error.next !== '' ? error.next : advice[errorEntry(code).retry]
  return { error: { code, message, next } }
}

/** The exit code for a failure. */
export function exitCodeOfError(error: unknown): ExitCode {
  return error instanceof CodedError ? exitCodeOf(error.code) : EXIT.failed
}

/** The failure for people: what happened, the causes below it, what to do next. */
export function formatError(error: unknown): string {
  const report = reportError(error).error
  const lines = [`error: ${report.message} (${report.code})`]
  for (const cause of causesOf(error)) lines.push(`  because: ${cause}`)
  if (report.next !== '') lines.push(report.next)
  return `${lines.join('\n')}\n`
}

function causesOf(error: unknown): string[] {
  const causes: string[] = []
  let current = error instanceof Error ? error.cause : undefined
  // Chains are short; the bound is for causes that point at each other.
  while (current instanceof Error && causes.length < 5) {
    if (current.message !== '') causes.push(current.message)
    current = current.cause
  }
  return causes
}
