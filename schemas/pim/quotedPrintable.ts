/** Quoted-printable (RFC 2045, section 6.7) as vCard 2.1 and vCalendar 1.0 use it; soft breaks are joined before. */

import { encodeUtf8 } from '../utf8.ts'

const LINE = 76

/** The octets of quoted-printable text, tolerant: what is no escape stands for itself. */
export function decodeQuotedPrintable(text: string): Uint8Array {
  const source = isAscii(text) ? undefined : encodeUtf8(text)
  const length = source === undefined ? text.length : source.length
  const octets = new Uint8Array(length)
  let size = 0
  for (let i = 0; i < length; i++) {
    const unit = source === undefined ? text.charCodeAt(i) : (source[i] ?? 0)
    if (unit === 0x3d && i + 2 < length) {
      const high = hexValue(source === undefined ? text.charCodeAt(i + 1) : (source[i + 1] ?? 0))
      const low = hexValue(source === undefined ? text.charCodeAt(i + 2) : (source[i + 2] ?? 0))
      if (high >= 0 && low >= 0) {
        octets[size++] = high * 16 + low
        i += 2
        continue
      }
    }
    octets[size++] = unit
  }
  return octets.subarray(0, size)
}

function hexValue(unit: number): number {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30
  const upper = unit & 0xdf
  return upper >= 0x41 && upper <= 0x46 ? upper - 0x37 : -1
}

/** UTF-8 text of quoted-printable by the platform's own decoder, or undefined where it is not exactly that. */
export function decodeQuotedUtf8(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('%', '%25').replaceAll('=', '%'))
  } catch {
    return undefined
  }
}

/** True if all characters are below U+0080. */
export function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}

const HEX = '0123456789ABCDEF'

/** UTF-8 text as quoted-printable behind a head of `headChars`; lines no longer than 76. `\n` becomes `=0D=0A`. */
export function encodeQuotedPrintable(text: string, headChars: number): string {
  const octets = encodeUtf8(text.replaceAll('\n', '\r\n'))
  let out = ''
  let column = headChars
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i] ?? 0
    const last = i === octets.length - 1
    const plain = octet > 0x20 && octet < 0x7f && octet !== 0x3d
    let size = plain || (octet === 0x20 && !last) ? 1 : 3
    if (column + size >= LINE) {
      if (out.endsWith(' ')) out = `${out.slice(0, -1)}=20`
      out += '=\r\n'
      column = 0
      // A line that begins with a blank would be taken for a folded one.
      if (octet === 0x20) size = 3
    }
    out += size === 1 ? String.fromCharCode(octet) : `=${HEX.charAt(octet >> 4)}${HEX.charAt(octet & 15)}`
    column += size
  }
  return out
}
