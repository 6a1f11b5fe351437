/** Notes: plain text whose first line is the title, and VNOTE of Nokia (reference 9.1). */

import { MAX_CONTENT_BYTES } from '../limits.ts'
import { encodeUtf8 } from '../utf8.ts'
import { decodeCharset } from './charset.ts'
import { readComponents, writeComponent } from './components.ts'
import { contentTooLarge } from './invalid.ts'
import { firstText, type JProperty } from './jcard.ts'

export interface Note {
  /** The whole text, the title included; lines end in LF. */
  readonly body: string
  /** Charset the note came in, if it was not UTF-8. */
  readonly charset?: string
  /** What a VNOTE says besides. */
  readonly vNoteProps?: readonly JProperty[]
}

/** The first line that holds a character. */
export function noteTitle(note: Note): string {
  return /[^\s][^\n]*/.exec(note.body)?.[0].trimEnd() ?? ''
}

/** @throws {CodedError} `protocol.too-large` */
export function readPlainNote(octets: Uint8Array, charset: string | undefined): Note {
  if (octets.length > MAX_CONTENT_BYTES) throw contentTooLarge('octets of an item', MAX_CONTENT_BYTES)
  const text = decodeCharset(octets, charset).replace(/^\ufeff/, '')
  const body = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text
  return charset === undefined || /^utf-?8$/i.test(charset) ? { body } : { body, charset }
}

/** Always UTF-8, lines ended by CR LF. */
export function writePlainNote(note: Note): Uint8Array {
  return encodeUtf8(note.body.replaceAll('\n', '\r\n'))
}

/** @throws {CodedError} `content.invalid` or `protocol.too-large` */
export function readVNote(octets: Uint8Array): Note {
  const { root } = readComponents(octets, ['vnote'])
  const body = root[1].find(([name]) => name === 'body')
  const rest = root[1].filter((property) => property !== body && property[0] !== 'version')
  const text = body === undefined ? '' : firstText(body).replaceAll('\\n', '\n')
  return { body: text, ...(rest.length === 0 ? {} : { vNoteProps: rest }) }
}

export function writeVNote(note: Note): Uint8Array {
  const head: JProperty[] = [
    ['version', {}, 'text', '1.1'],
    ['body', {}, 'text', note.body],
  ]
  return writeComponent(['vnote', [...head, ...(note.vNoteProps ?? [])], []], 'vcal1.0')
}
