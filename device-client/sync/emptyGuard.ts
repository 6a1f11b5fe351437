/** What a sync says of a side that is suddenly empty. Rule DC-66. */

import { CodedError } from '../../schemas/errors.ts'

/** The error for a side that is not obeyed. */
export function suddenlyEmpty(side: string, before: number, after: number): CodedError {
  return new CodedError('sync.emptied', `${side} has ${after} of ${before} items left`, {
    next: 'If that is meant, repeat the command with --allow-empty.',
    fields: { before, after },
  })
}
