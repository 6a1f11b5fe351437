/**
 * Text between octets and strings (UTF-8, and UTF-16 where SQLite stores it), through the platform's own converters, which every runtime we serve has.
 * They are looked up here once, so that `schemas` needs no type of Node or of a browser.
 */

interface Decoder {
  decode(octets?: Uint8Array, options?: { stream: boolean }): string
}
interface Platform {
  readonly TextEncoder: new () => { encode(text: string): Uint8Array }
  readonly TextDecoder: new (label: string, options?: { fatal?: boolean; ignoreBOM?: boolean }) => Decoder
}

const platform = globalThis as unknown as Platform
const encoder = new platform.TextEncoder()
const strict = new platform.TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const latin1 = new platform.TextDecoder('latin1')

/** The UTF-8 octets of `text`; a lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** The text of UTF-8 octets, a byte order mark included, or undefined if they are not UTF-8. */
export function decodeUtf8(octets: Uint8Array): string | undefined {
  try {
    return strict.decode(octets)
  } catch {
    return undefined
  }
}

/** Decodes UTF-8 that comes in pieces; characters may be cut anywhere. Both throw if the octets are not UTF-8. */
export function utf8Stream(): { push(octets: Uint8Array): string; end(): string } {
  const decoder = new platform.TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  return { push: (octets) => decoder.decode(octets, { stream: true }), end: () => decoder.decode() }
}

const utf16 = {
  'UTF-16le': new platform.TextDecoder('utf-16le', { fatal: true, ignoreBOM: true }),
  'UTF-16be': new platform.TextDecoder('utf-16be', { fatal: true, ignoreBOM: true }),
}

/** The text of UTF-16 octets, a byte order mark included, or undefined if they are not well-formed UTF-16. */
export function decodeUtf16(octets: Uint8Array, encoding: 'UTF-16le' | 'UTF-16be'): string | undefined {
  try {
    return utf16[encoding].decode(octets)
  } catch {
    return undefined
  }
}

/** The text of Latin-1 octets; each octet sequence is some text. */
export function decodeLatin1(octets: Uint8Array): string {
  return latin1.decode(octets)
}

/** Octets `text` takes in UTF-8, without encoding it. */
export function utf8Length(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    if (unit < 0x800) length += 1
    else if (unit >= 0xd800 && unit <= 0xdbff && isLowSurrogate(text.charCodeAt(i + 1))) {
      length += 2
      i++
    } else length += 2
  }
  return length
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}
