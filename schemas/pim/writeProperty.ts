/**
 * One jCard property to its lines, in any dialect. vCard 2.1 gets quoted-printable in UTF-8 where a value is not plain
 * ASCII, base64 in a block that an empty line ends, and no other folding (reference 9.2); later versions fold at 75 octets.
 */

import { utf8Length } from '../utf8.ts'
import { escapeOld, escapeText } from './escape.ts'
import { type Dialect, isOldDialect, type JProperty, type JValue, valuesOf } from './jcard.ts'
import { encodeQuotedPrintable } from './quotedPrintable.ts'
import { fromJDate, isDated, type Shape, shapeOf } from './valueTypes.ts'

const FOLD_OCTETS = 75
const BASE64_LINE = 72

/** The lines of a property, each ended by CR LF; none for a name that no line could carry. */
export function writeProperty(property: JProperty, dialect: Dialect): string {
  if (!/^[\w./*-]+$/.test(headOf(property))) return ''
  return isOldDialect(dialect) ? writeOld(property, dialect) : writeNew(property, dialect)
}

function headOf([name, params]: JProperty): string {
  const group = params.group
  const upper = name.toUpperCase()
  return typeof group === 'string' ? `${group}.${upper}` : upper
}

function writeNew(property: JProperty, dialect: Dialect): string {
  const [name, params, type] = property
  const shape = shapeOf(name, dialect)
  let line = headOf(property)
  for (const key in params) {
    if (key !== 'group') line += writeParam(key, params[key] ?? '')
  }
  if (type === 'binary') line += dialect === 'ical2.0' ? ';ENCODING=BASE64;VALUE=BINARY' : ';ENCODING=b'
  else if (type !== shape.type && type !== 'unknown' && !isToldApart(type, shape, dialect))
    line += `;VALUE=${type.toUpperCase()}`
  return `${fold(inOneLine(`${line}:${newValue(property, dialect)}`))}\r\n`
}

/** A value that must not hold a line break, and does, cannot begin a property of its own. */
function inOneLine(line: string): string {
  return /[\r\n]/.test(line) ? line.replace(/\r\n?|\n/g, '\\n') : line
}

/** A date and a date with a time are told apart by the value itself in cards. */
function isToldApart(type: string, shape: Shape, dialect: Dialect): boolean {
  return type === 'date' && shape.type === 'date-time' && dialect !== 'ical2.0'
}

function writeParam(key: string, value: string | readonly string[]): string {
  const text = typeof value === 'string' ? quote(value) : value.map(quote).join(',')
  return `;${key.toUpperCase()}=${text}`
}

function quote(value: string): string {
  if (!/["^\n,;:]/.test(value)) return value
  const text = value.replace(/["^\n]/g, (char) => (char === '"' ? "^'" : char === '\n' ? '^n' : '^^'))
  return /[,;:]/.test(text) ? `"${text}"` : text
}

function newValue(property: JProperty, dialect: Dialect): string {
  const type = property[2]
  const texts: string[] = []
  for (const value of valuesOf(property)) texts.push(writeValue(value, type, dialect))
  return texts.join(',')
}

function writeValue(value: JValue, type: string, dialect: Dialect): string {
  if (typeof value !== 'string') {
    return value.map((part) => (typeof part === 'string' ? escapeText(part) : part.map(escapeText).join(','))).join(';')
  }
  if (isDated(type)) return fromJDate(value, type, dialect)
  if (type === 'unknown') return value.replaceAll('\n', '\\n')
  return type === 'uri' || type === 'cal-address' || type === 'recur' || type === 'binary'
    ? value.replaceAll('\n', '')
    : escapeText(value)
}

/** Folds at 75 octets and never inside a character. */
function fold(line: string): string {
  if (line.length <= FOLD_OCTETS && utf8Length(line) <= FOLD_OCTETS) return line
  const parts: string[] = []
  let start = 0
  let octets = 0
  for (let i = 0; i < line.length; i++) {
    const unit = line.charCodeAt(i)
    const size = unit < 0x80 ? 1 : unit < 0x800 ? 2 : unit >= 0xd800 && unit <= 0xdbff ? 4 : 3
    if (octets + size > FOLD_OCTETS) {
      parts.push(line.slice(start, i))
      start = i
      octets = 1
    }
    octets += size
    if (size === 4) i++
  }
  parts.push(line.slice(start))
  return parts.join('\r\n ')
}

function writeOld(property: JProperty, dialect: Dialect): string {
  const [name, params, type] = property
  const shape = shapeOf(name, dialect)
  let line = headOf(property)
  for (const key in params) {
    if (key !== 'group')
      line += key === 'type' ? writeTypes(name, params.type ?? '') : writeParam(key, params[key] ?? '')
  }
  if (type === 'uri' && shape.type !== 'uri' && shape.type !== 'unknown') line += ';VALUE=URL'
  if (type === 'binary') return writeBase64(line, String(property[3] ?? ''))
  line = inOneLine(line)
  const value = oldValue(property, shape, dialect)
  if (/^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$|^$/.test(value)) return `${line}:${value}\r\n`
  line += ';CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:'
  return `${line}${encodeQuotedPrintable(value, line.length)}\r\n`
}

/** Kinds of telephone stand alone; types of media and unusual words have their name. */
function writeTypes(name: string, types: string | readonly string[]): string {
  const named = name === 'photo' || name === 'logo' || name === 'sound' || name === 'key'
  return (typeof types === 'string' ? [types] : types)
    .map((type) => (!named && /^[A-Za-z][A-Za-z0-9-]*$/.test(type) ? `;${type}` : `;TYPE=${quote(type)}`))
    .join('')
}

function writeBase64(line: string, base64: string): string {
  let out = `${line};ENCODING=BASE64:\r\n`
  for (let at = 0; at < base64.length; at += BASE64_LINE) out += ` ${base64.slice(at, at + BASE64_LINE)}\r\n`
  return `${out}\r\n`
}

function oldValue(property: JProperty, shape: Shape, dialect: Dialect): string {
  const type = property[2]
  const texts: string[] = []
  const many = property.length > 4
  for (const value of valuesOf(property)) {
    if (typeof value !== 'string') {
      texts.push(value.map((part) => escapeOld(typeof part === 'string' ? part : part.join(','), ';')).join(';'))
    } else if (isDated(type)) texts.push(fromJDate(value, type, dialect))
    else if (type === 'unknown') texts.push(value.replaceAll('\\n', '\n'))
    else if (type === 'uri' || type === 'recur') texts.push(value)
    else texts.push(escapeOld(value, shape.structured ? ';' : many || shape.list ? ',' : ''))
  }
  return texts.join(',')
}
