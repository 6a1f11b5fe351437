/** Backslash escapes and the characters that divide values, for both generations of dialects (PIM-5). */

import { MAX_CONTENT_VALUES } from '../limits.ts'
import { contentTooLarge } from './invalid.ts'

/** Splits at `delimiter` where no backslash escapes it; an escaped backslash escapes nothing. */
export function splitEscaped(raw: string, delimiter: string): string[] {
  if (!raw.includes(delimiter)) return [raw]
  const parts = raw.includes('\\') ? splitCarefully(raw, delimiter.charCodeAt(0)) : raw.split(delimiter)
  if (parts.length > MAX_CONTENT_VALUES) throw contentTooLarge('values of a property', MAX_CONTENT_VALUES)
  return parts
}

function splitCarefully(raw: string, delimiter: number): string[] {
  const parts: string[] = []
  let start = 0
  for (let i = 0; i < raw.length; i++) {
    const unit = raw.charCodeAt(i)
    if (unit === 0x5c) i++
    else if (unit === delimiter) {
      parts.push(raw.slice(start, i))
      start = i + 1
    }
  }
  parts.push(raw.slice(start))
  return parts
}

/** Text of vCard 3.0 and later. Other characters behind a backslash keep it. */
export function unescapeText(raw: string): string {
  if (!raw.includes('\\')) return raw
  return raw.replace(/\\([\\;,:nN])/g, (_, char: string) => (char === 'n' || char === 'N' ? '\n' : char))
}

/** The reverse of `unescapeText`. */
export function escapeText(text: string): string {
  return /[\\;,\n]/.test(text) ? text.replace(/[\\;,\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`)) : text
}

/** Text of vCard 2.1: a backslash escapes only a delimiter or itself, in all other places it is one. */
export function unescapeOld(raw: string): string {
  return raw.includes('\\') ? raw.replace(/\\([\\;,])/g, '$1') : raw
}

/** The reverse of `unescapeOld`; `delimiter` is what divides the values around, if any. */
export function escapeOld(text: string, delimiter: string): string {
  const escaped = text.includes('\\') ? text.replace(/\\(?=[\\;,]|$)/g, '\\\\') : text
  return delimiter === '' || !escaped.includes(delimiter) ? escaped : escaped.replaceAll(delimiter, `\\${delimiter}`)
}
