/**
 * One item on its way to the server: whole, or in chunks that end where no reader of XML trims anything (reference 3.11,
 * OM-32).
 */

import type { ItemData } from '../../schemas/syncml/message.ts'
import { decodeUtf8 } from '../../schemas/utf8.ts'
import type { MessageCodec } from '../session/messageCodec.ts'

/** Octets that are gone back over for a good place to cut. */
const MAX_BLANKS = 1024

/** How the octets of an item travel. */
export interface Carrier {
  readonly format: string | undefined
  /** Octets of content that surely fit into `room` octets of a message, if nothing in them must be escaped. */
  lengthFor(room: number): number
  /** Where to cut at or before `end`. */
  cut(octets: Uint8Array, end: number): number
  data(octets: Uint8Array): ItemData
}

const opaque: Carrier = {
  format: undefined,
  lengthFor: (room) => room,
  cut: (_, end) => end,
  data: (bytes) => ({ kind: 'bytes', bytes }),
}

const base64: Carrier = {
  format: 'b64',
  lengthFor: (room) => Math.floor(room / 4) * 3,
  cut: (_, end) => end - (end % 3),
  data: (bytes) => ({ kind: 'bytes', bytes }),
}

const text: Carrier = {
  format: undefined,
  lengthFor: (room) => room,
  cut: cutText,
  data: (octets) => ({ kind: 'text', text: decodeUtf8(octets) ?? '' }),
}

/** How `octets` travel in this encoding: XML holds no octets, and not every character. */
export function carrierFor({ encoding }: MessageCodec, octets: Uint8Array): Carrier {
  if (encoding === 'wbxml') return opaque
  const written = decodeUtf8(octets)
  return written === undefined || /[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(written) ? base64 : text
}

function cutText(octets: Uint8Array, end: number): number {
  const isBlank = (at: number) => [0x20, 0x09, 0x0a, 0x0d].includes(octets[at] ?? 0)
  const isInside = (at: number) => ((octets[at] ?? 0) & 0xc0) === 0x80
  for (let at = end; at > Math.max(0, end - MAX_BLANKS); at--) {
    if (!isInside(at) && !isBlank(at - 1) && !isBlank(at)) return at
  }
  return end
}
