/**
 * Octets of an item to text. Phones say UTF-8 and send Latin-1, or name a charset for a single property:
 * the whole text is UTF-8 if it can be; else each value is read in its own charset, Windows-1252 if it names none (PIM-4).
 */

import { decodeLatin1, decodeUtf8, encodeUtf8 } from '../utf8.ts'

interface Decoder {
  decode(octets: Uint8Array): string
}
const { TextDecoder } = globalThis as unknown as { TextDecoder: new (label: string, options: object) => Decoder }

/** A text whose characters above U+007F are characters (`utf8`) or single octets that still wait for their charset. */
export interface ItemText {
  readonly text: string
  readonly utf8: boolean
}

const CHUNK = 8192

/** The text of an item, a byte order mark dropped. */
export function decodeItem(octets: Uint8Array): ItemText {
  const text = decodeUtf8(octets)
  if (text !== undefined) return { text: text.charCodeAt(0) === 0xfeff ? text.slice(1) : text, utf8: true }
  return { text: octetsToText(octets), utf8: false }
}

/** Each octet as the character of its number. */
export function octetsToText(octets: Uint8Array): string {
  let text = ''
  for (let at = 0; at < octets.length; at += CHUNK) {
    text += String.fromCharCode(...octets.subarray(at, at + CHUNK))
  }
  return text
}

/** The octets that `octetsToText` made a text of; characters beyond U+00FF become their UTF-8 octets. */
export function textToOctets(text: string): Uint8Array {
  const octets = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0xff) return encodeUtf8(text)
    octets[i] = unit
  }
  return octets
}

/** Octets in a named charset; unknown names are tried as UTF-8, then read as Windows-1252. Never fails. */
export function decodeCharset(octets: Uint8Array, charset: string | undefined): string {
  const label = charset?.trim().toLowerCase()
  if (label !== undefined && label !== '' && label !== 'utf-8' && label.length <= 40) {
    const decoder = decoderOf(label)
    if (decoder !== undefined) return decoder.decode(octets)
  }
  return decodeUtf8(octets) ?? decodeLatin1(octets)
}

function decoderOf(label: string): Decoder | undefined {
  try {
    return new TextDecoder(label, { ignoreBOM: true })
  } catch {
    return undefined
  }
}
