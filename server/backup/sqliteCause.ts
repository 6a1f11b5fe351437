/**
 * Translates what SQLite says while a Delta is applied into our errors. Branches on SQLite's result codes only.
 */

import { CodedError } from '../../schemas/errors.ts'

/** The coded error for any failure during application; coded errors pass unchanged. */
export function translateApplyError(cause: unknown): unknown {
  if (cause instanceof CodedError) return cause
  const code = (cause as { code?: unknown }).code
  if (typeof code !== 'string') return cause
  const message = cause instanceof Error ? cause.message : code
  if (code === 'SQLITE_FULL' || code === 'ENOSPC') return new CodedError('storage.full', 'no space left', { cause })
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return new CodedError('storage.corrupt', 'the copy is damaged', { cause })
  }
  if (code.startsWith('SQLITE_CONSTRAINT')) return new CodedError('delta.conflict', message, { cause })
  if (code.startsWith('SQLITE_IOERR') || code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_CANTOPEN')) {
    return new CodedError('storage.unavailable', message, { cause })
  }
  if (code === 'SQLITE_NOMEM') return new CodedError('worker.limit', message, { cause })
  if (code.startsWith('SQLITE_')) return new CodedError('delta.unsupported', message, { cause })
  return cause
}
