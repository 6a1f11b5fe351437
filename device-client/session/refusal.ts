/** What a refusing Status of a server means to the user (reference 4). */

import { CodedError, type ErrorCode, errorEntry, isErrorCode } from '../../schemas/errors.ts'
import type { StatusCommand } from '../../schemas/syncml/message.ts'

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

const NEXT_FENCED = 'The owner lets it go on with "nightferry-device unfence" and the account\'s password.'
const NEXT_CLONED =
  'If this installation is the one to go on, run "nightferry-device claim" with the account\'s password; if it is a copy, register it with a home of its own.'

/**
 * What a server of ours says with its refusal: a code of ours and a sentence for the user (ID-4). Anything else than a
 * device that is stopped is told by its Status.
 */
export function toldRefusal({ data, items }: Pick<StatusCommand, 'data' | 'items'>): CodedError | undefined {
  const text = items[0]?.data
  const said = text?.kind === 'text' ? /^(device\.[a-z]+): (.{1,300})$/.exec(text.text) : null
  const [, code, sentence = ''] = said ?? []
  if (data !== 403 || !isErrorCode(code)) return undefined
  return new CodedError(code, sentence, {
    next: code === 'device.cloned' ? NEXT_CLONED : NEXT_FENCED,
    fields: { status: data },
  })
}

/** The error that a refusal ends with; `special` are meanings the caller knows better. */
export function refusalOf(status: number, special: Readonly<Record<number, ErrorCode>> = {}): CodedError {
  const code = special[status] ?? REFUSALS[status] ?? 'storage.unavailable'
  return new CodedError(code, `the server answered with status ${status}`, {
    next: errorEntry(code).retry === 'later' ? 'Try again later.' : '',
    fields: { status },
  })
}
