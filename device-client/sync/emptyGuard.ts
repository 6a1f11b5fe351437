/** The guard against a side that is suddenly empty, as the server has one (IT-11): pure. Rule DC-66. */

import { CodedError } from '../../schemas/errors.ts'

/** Fewer items than this may go without being asked about. */
const GUARDED_ITEMS = 10

/** True if of at least ten items fewer than a tenth would stay. */
export function wouldEmpty(before: number, after: number): boolean {
  return before >= GUARDED_ITEMS && after * 10 < before
}

/** The error for a side that is not obeyed. */
export function suddenlyEmpty(side: string, before: number, after: number): CodedError {
  return new CodedError('sync.emptied', `${side} has ${after} of ${before} items left`, {
    next: 'If that is meant, repeat the command with --allow-empty.',
    fields: { before, after },
  })
}
