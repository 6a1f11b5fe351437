/**
 * Turns what the file system says into codes of ours: a full disk is told from one that does not answer.
 */

import { CodedError } from '../../schemas/errors.ts'

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** A `storage.full` or `storage.unavailable` that carries `cause`; an error of ours passes as it is. */
export function storageError(cause: unknown, message: string): CodedError {
  if (cause instanceof CodedError) return cause
  const code = (cause as NodeJS.ErrnoException).code ?? ''
  return new CodedError(FULL.has(code) ? 'storage.full' : 'storage.unavailable', message, {
    cause,
    fields: { errno: code },
  })
}

/** True if a file system call failed because nothing is there. */
export function isMissing(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException).code === 'ENOENT'
}
