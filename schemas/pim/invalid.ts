/** The two errors that reading and writing of content may throw, whatever the input. */

import { CodedError } from '../errors.ts'

/** The item cannot be read as what it is said to be. */
export function invalidContent(message: string): CodedError {
  return new CodedError('content.invalid', message)
}

/** A bound of `limits.ts` is exceeded. */
export function contentTooLarge(what: string, limit: number): CodedError {
  return new CodedError('protocol.too-large', `${what} beyond the limit of ${limit}`, { fields: { limit } })
}
