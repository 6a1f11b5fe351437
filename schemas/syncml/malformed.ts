/** The two errors a codec of `syncml` may throw, whatever the input. */

import { CodedError } from '../errors.ts'

/** The message or document cannot be read, or cannot be written in the encoding asked for. */
export function malformed(message: string, cause?: unknown): CodedError {
  return new CodedError('protocol.malformed', message, cause === undefined ? {} : { cause })
}

/** A bound of `limits.ts` is exceeded. */
export function tooLarge(what: string, limit: number): CodedError {
  return new CodedError('protocol.too-large', `${what} beyond the limit of ${limit}`, { fields: { limit } })
}
