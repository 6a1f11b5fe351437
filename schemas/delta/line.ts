/**
 * One JSON value as one line that needs no XML escape: what XML would escape or forbid is a JSON escape
 * instead, so a Delta is at once JSON lines and well-formed XML. Rule WF-11.
 */

import { CodedError } from '../errors.ts'

const NEEDS_ESCAPE = /[<>&\uFFFE\uFFFF]/
const ALL_NEEDING_ESCAPE = /[<>&\uFFFE\uFFFF]/g

/** The line of a JSON value, with its line break. */
export function formatLine(value: unknown): string {
  const json = JSON.stringify(value)
  if (!NEEDS_ESCAPE.test(json)) return `${json}\n`
  return `${json.replace(ALL_NEEDING_ESCAPE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`
}

/** @throws {CodedError} `delta.invalid` if the line is no JSON. */
export function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw new CodedError('delta.invalid', 'a line is not JSON', { cause })
  }
}
