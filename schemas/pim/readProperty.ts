/**
 * One content line to a jCard property, in any dialect: parameters with or without names, quoted-printable, base64,
 * charsets, escapes. What describes only the encoding (CHARSET, ENCODING) is used up here (PIM-4).
 */

import { MAX_CONTENT_PARAMS, MAX_CONTENT_VALUES } from '../limits.ts'
import { decodeCharset, textToOctets } from './charset.ts'
import type { ContentLine } from './contentLines.ts'
import { splitEscaped, unescapeOld, unescapeText } from './escape.ts'
import { contentTooLarge } from './invalid.ts'
import { type Dialect, isOldDialect, type JProperty, type JValue } from './jcard.ts'
import { decodeQuotedPrintable, decodeQuotedUtf8, isAscii } from './quotedPrintable.ts'
import { isDated, type Shape, shapeOf, toJDate } from './valueTypes.ts'

/** How the octets of a value are written; undefined for plain text. */
type Transfer = 'quoted' | 'base64' | undefined

interface Described {
  readonly params: Record<string, string | string[]>
  transfer: Transfer
  charset: string | undefined
  valueType: string | undefined
}

/**
 * A property. `utf8` as `decodeItem` found it.
 * @throws {CodedError} `protocol.too-large`
 */
export function readProperty(line: ContentLine, dialect: Dialect, utf8: boolean): JProperty {
  const name = line.name.toLowerCase()
  const described = line.params === '' ? plain() : readParams(line.params, dialect)
  if (line.group !== '') described.params.group = line.group
  const shape = shapeOf(name, dialect)
  if (described.transfer === 'base64') {
    return [name, described.params, 'binary', line.value.replace(/\s+/g, '')]
  }
  const raw = decodeValue(line.value, described, utf8)
  const type = valueTypeOf(described.valueType, shape, raw)
  const values = isOldDialect(dialect) ? readOldValue(raw, shape, type, dialect) : readValue(raw, shape, type, dialect)
  return [name, described.params, type, ...values]
}

function plain(): Described {
  return { params: {}, transfer: undefined, charset: undefined, valueType: undefined }
}

function decodeValue(value: string, described: Described, utf8: boolean): string {
  if (described.transfer === 'quoted') {
    const plainUtf8 = described.charset === undefined || /^utf-?8$/i.test(described.charset)
    const text =
      (plainUtf8 ? decodeQuotedUtf8(value) : undefined) ??
      decodeCharset(decodeQuotedPrintable(value), described.charset)
    return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text
  }
  return utf8 || isAscii(value) ? value : decodeCharset(textToOctets(value), described.charset)
}

function readParams(text: string, dialect: Dialect): Described {
  const described = plain()
  const parts = text.includes('"') ? splitQuoted(text, ';') : text.split(';')
  if (parts.length > MAX_CONTENT_PARAMS) throw contentTooLarge('parameters of a property', MAX_CONTENT_PARAMS)
  for (const part of parts) {
    const equals = part.indexOf('=')
    if (equals < 0) readBareParam(described, part.trim())
    else readNamedParam(described, part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1), dialect)
  }
  return described
}

/** `TEL;CELL;PREF`: what the value is of, or how it is written. */
function readBareParam(described: Described, word: string): void {
  const upper = word.toUpperCase()
  if (upper === '') return
  if (upper === 'QUOTED-PRINTABLE') described.transfer = 'quoted'
  else if (upper === 'BASE64') described.transfer = 'base64'
  else if (upper === '8BIT' || upper === '7BIT') return
  else if (upper === 'INLINE' || upper === 'CONTENT-ID' || upper === 'CID') addParam(described, 'value', [word])
  else addParam(described, 'type', [word])
}

function readNamedParam(described: Described, name: string, raw: string, dialect: Dialect): void {
  const values = (raw.includes('"') ? splitQuoted(raw, ',') : raw.split(',')).map(unquote)
  const first = (values[0] ?? '').trim()
  const upper = first.toUpperCase()
  if (name === 'charset' && isOldDialect(dialect)) described.charset = first
  else if (name === 'encoding' && upper === 'QUOTED-PRINTABLE') described.transfer = 'quoted'
  else if (name === 'encoding' && (upper === 'B' || upper === 'BASE64')) described.transfer = 'base64'
  else if (name === 'encoding' && (upper === '8BIT' || upper === '7BIT')) return
  else if (name === 'value' && !isOldDialect(dialect)) described.valueType = first.toLowerCase()
  else if (name === 'value' && (upper === 'URL' || upper === 'URI')) described.valueType = 'uri'
  else if (name === 'type') addParam(described, name, values)
  else addParam(described, name, raw.includes('"') ? values : [unquote(raw)])
}

function addParam({ params }: Described, name: string, values: string[]): void {
  if (!/^[a-z0-9-]+$/.test(name)) return
  const before = params[name]
  const list = before === undefined ? values : [...(typeof before === 'string' ? [before] : before), ...values]
  const [only] = list
  params[name] = list.length === 1 && only !== undefined && name !== 'type' ? only : list
}

function splitQuoted(text: string, delimiter: string): string[] {
  const parts: string[] = []
  let quoted = false
  let start = 0
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i)
    if (char === '"') quoted = !quoted
    else if (char === delimiter && !quoted) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

/** A parameter's value without its quotes and the escapes of RFC 6868. */
function unquote(raw: string): string {
  const text = raw.length > 1 && raw.startsWith('"') && raw.endsWith('"') ? raw.slice(1, -1) : raw
  return text.includes('^')
    ? text.replace(/\^([n'^])/g, (_, c: string) => (c === 'n' ? '\n' : c === "'" ? '"' : c))
    : text
}

function valueTypeOf(given: string | undefined, shape: Shape, raw: string): string {
  if (given !== undefined && given !== '') return given
  if (shape.type === 'date-time') return raw.includes('T') ? 'date-time' : 'date'
  return shape.type
}

function readValue(raw: string, shape: Shape, type: string, dialect: Dialect): JValue[] {
  if (type === 'unknown' || type === 'uri' || type === 'cal-address' || type === 'recur' || type === 'binary') {
    return [type === 'uri' ? raw.replace(/\\([,;:])/g, '$1') : raw]
  }
  if (shape.structured) {
    return [splitEscaped(raw, ';').map((part) => (shape.list ? readList(part) : unescapeText(part)))]
  }
  const texts = shape.list ? splitEscaped(raw, ',') : [raw]
  return isDated(type) ? texts.map((text) => toJDate(text, type, dialect)) : texts.map(unescapeText)
}

function readList(part: string): string | string[] {
  const texts = splitEscaped(part, ',')
  return texts.length === 1 ? unescapeText(part) : texts.map(unescapeText)
}

/** Unknown properties keep the form that jCard gives them: line breaks as `\n`. */
function readOldValue(raw: string, shape: Shape, type: string, dialect: Dialect): JValue[] {
  if (type === 'unknown') return [raw.includes('\n') ? raw.replaceAll('\n', '\\n') : raw]
  if (shape.structured) {
    const parts = splitEscaped(raw, ';')
    if (parts.length > MAX_CONTENT_VALUES) throw contentTooLarge('values of a property', MAX_CONTENT_VALUES)
    return [parts.map(unescapeOld)]
  }
  if (isDated(type)) return [toJDate(raw.trim(), type, dialect)]
  return shape.list ? splitEscaped(raw, ',').map(unescapeOld) : [unescapeOld(raw)]
}
