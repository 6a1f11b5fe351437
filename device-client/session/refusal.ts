/** What a refusing Status of a server means to the user (reference 4). */

import { CodedError, type ErrorCode, errorEntry } from '../../schemas/errors.ts'

/** Any other: the server's own trouble, or of its way (DC-19). */
const REFUSALS: Readonly<Record<number, ErrorCode>> = {
  401: 'auth.invalid',
  403: 'auth.forbidden',
  407: 'auth.missing',
  // The session was taken over by another of this device.
  408: 'session.busy',
  413: 'protocol.too-large',
  415: 'database.invalid',
  416: 'protocol.too-large',
  417: 'session.busy',
  420: 'storage.full',
  503: 'session.busy',
  510: 'storage.corrupt',
  513: 'protocol.unsupported-version',
}

/** The error that a refusal ends with; `special` are meanings the caller knows better. */
export function refusalOf(status: number, special: Readonly<Record<number, ErrorCode>> = {}): CodedError {
  const code = special[status] ?? REFUSALS[status] ?? 'storage.unavailable'
  return new CodedError(code, `the server answered with status ${status}`, {
    next: errorEntry(code).retry === 'later' ? 'Try again later.' : '',
    fields: { status },
  })
}
