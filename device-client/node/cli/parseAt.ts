/** How a command names a moment: a time, or a restore point. */

import { CodedError } from '../../../schemas/errors.ts'

/** A text that begins like a date is a time; anything else names a restore point. @throws {CodedError} `config.invalid`. */
export function parseAt(text: string): string | number {
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return text
  const at = Date.parse(text)
  if (!Number.isNaN(at)) return at
  throw new CodedError('config.invalid', `not a time: ${text}`, {
    next: 'Write it like 2026-11-21T02:00 (time zone of this device) or 2026-11-21T02:00Z.',
  })
}
