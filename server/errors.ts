/**
 * What the server makes of anything thrown: an error with a code, or our own mistake.
 */

import { CodedError } from '../schemas/errors.ts'

/** An error of ours as it is; anything else as `internal`, with the original as cause. */
export function toCodedError(thrown: unknown): CodedError {
  return thrown instanceof CodedError ? thrown : new CodedError('internal', 'our mistake', { cause: thrown })
}
