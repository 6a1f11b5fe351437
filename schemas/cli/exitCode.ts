/**
 * What the exit codes of both programs mean, and which error code ends with which of them.
 * Scripts rely on these numbers: a number never changes its meaning.
 */

import type { ErrorCode } from '../errors.ts'

/** Exit codes of `nightferry` and `nightferry-device`. */
export const EXIT = {
  ok: 0,
  /** Our mistake, or a failure without a code of its own. */
  failed: 1,
  /** The command line cannot be understood, or a setting is wrong. */
  usage: 2,
  /** Some of several databases failed; the report names them. */
  partial: 3,
  notFound: 10,
  busy: 11,
  /** Credentials or key were refused. */
  refused: 12,
  integrity: 13,
  unreachable: 14,
  diskFull: 15,
} as const

/** One of the numbers of `EXIT`. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Codes that a script can act on; all others end as `failed`. */
const codes: Readonly<Partial<Record<ErrorCode, ExitCode>>> = {
  'account.unavailable': EXIT.unreachable,
  'auth.missing': EXIT.refused,
  'auth.invalid': EXIT.refused,
  'auth.forbidden': EXIT.refused,
  'auth.limited': EXIT.refused,
  'auth.server': EXIT.refused,
  'account.unknown': EXIT.notFound,
  'device.unknown': EXIT.notFound,
  'device.fenced': EXIT.refused,
  'device.cloned': EXIT.refused,
  'session.busy': EXIT.busy,
  'push.busy': EXIT.busy,
  'trace.limited': EXIT.busy,
  'datastore.unknown': EXIT.notFound,
  'database.unknown': EXIT.notFound,
  'database.locked': EXIT.busy,
  'database.invalid': EXIT.integrity,
  'restore.damaged': EXIT.integrity,
  'method.forbidden': EXIT.refused,
  'restore.unknown': EXIT.notFound,
  'delivery.unknown': EXIT.notFound,
  'delivery.ended': EXIT.failed,
  'delivery.limited': EXIT.busy,
  'restore.target-exists': EXIT.busy,
  'integrity.mismatch': EXIT.integrity,
  'key.wrong': EXIT.refused,
  'storage.unavailable': EXIT.unreachable,
  'storage.full': EXIT.diskFull,
  'quota.exceeded': EXIT.diskFull,
  'storage.corrupt': EXIT.integrity,
  'worker.limit': EXIT.busy,
  'network.unreachable': EXIT.unreachable,
  'config.invalid': EXIT.usage,
}

/** The exit code that tells a script of this error. */
export function exitCodeOf(code: ErrorCode): ExitCode {
  return codes[code] ?? EXIT.failed
}
