/**
 * What a tree says, as sorted lines that are the same for all formats: no order, folding, charset, case of TYPE; no REV,
 * PRODID, UID and other stamps; no empty properties; no parameters that only say what is usual anyway. Rule PIM-11.
 */

import type { JComponent, JParams, JProperty, JValue } from './jcard.ts'
import { componentTexts, paramList, valuesOf } from './jcard.ts'
import { isDated } from './valueTypes.ts'
import { inUtc } from './zones.ts'

/** Who wrote it and when, not what it says. Devices drop or renew all of these. */
const STAMPS = new Set([
  'version',
  'prodid',
  'rev',
  'uid',
  'dtstamp',
  'created',
  'last-modified',
  'sequence',
  'method',
  'calscale',
])
/** Parameters that describe the encoding or the entry, not the content. */
const SILENT_PARAMS = new Set([
  'type',
  'pref',
  'group',
  'mediatype',
  'value',
  'charset',
  'encoding',
  'altid',
  'pid',
  'prop-id',
  'tzid',
])
/** Kinds that mean nothing: every address is of the Internet, every number can be spoken to. */
const SILENT_TYPES = new Set(['INTERNET', 'VOICE', 'PREF'])
const MEDIA = new Set(['photo', 'logo', 'sound', 'key'])
/** Properties that are sets of values, in however many lines. */
const SETS = new Set(['categories', 'nickname', 'exdate', 'rdate', 'resources'])
/** Values that mean the same as none. */
const DEFAULTS = new Set(['class=PUBLIC', 'transp=OPAQUE', 'priority=0'])

/** The lines of a tree, sorted. */
export function canonicalLines(tree: JComponent): string[] {
  const lines: string[] = []
  collect(tree, '', lines)
  return lines.sort()
}

function collect([name, properties, components]: JComponent, path: string, lines: string[]): void {
  for (const property of properties) {
    if (SETS.has(property[0]) && property.length > 4) {
      for (const value of valuesOf(property)) push(lines, path, [property[0], property[1], property[2], value])
    } else push(lines, path, property)
  }
  for (const component of components) {
    if (component[0] === 'vtimezone') continue
    collect(component, `${path}${name}/`, lines)
  }
}

function push(lines: string[], path: string, property: JProperty): void {
  const key = propertyKey(property)
  if (key !== undefined) lines.push(path === '' ? key : path + key)
}

/** The line of one property, or undefined if it says nothing. */
export function propertyKey(property: JProperty): string | undefined {
  const [name, params, type] = property
  if (STAMPS.has(name)) return undefined
  let value = ''
  for (let i = 3; i < property.length; i++) {
    const text = valueKey(property[i] as JValue, type, params)
    value = i === 3 ? text : `${value}\u001e${text}`
  }
  if (value === '' || DEFAULTS.has(`${name}=${value}`)) return undefined
  if (name === 'tel' && value.startsWith('tel:')) value = value.slice(4)
  return `${name}${paramsKey(name, params)}=${value}`
}

function valueKey(value: JValue, type: string, params: JParams): string {
  if (typeof value !== 'string') return structuredKey(value)
  if (isDated(type)) return timeKey(value, params)
  if (value.startsWith('data:')) return value.slice(value.indexOf(',') + 1)
  return value.trim()
}

/** A time, in UTC if its zone is known: devices move times from zone to zone. Midnight without a zone is a whole day. */
export function timeKey(value: string, params: JParams): string {
  return inUtc(value, params.tzid)
    .replace(/[-:]/g, '')
    .replace(/T000000$/, '')
}

function structuredKey(value: JValue): string {
  const texts = componentTexts(value).map((text) => text.trim())
  while (texts.at(-1) === '') texts.pop()
  return texts.join('\u001f')
}

function paramsKey(name: string, params: JParams): string {
  let rest: string[] | undefined
  for (const key in params) {
    if (SILENT_PARAMS.has(key)) continue
    rest ??= []
    rest.push(`;${key}:${paramList(params, key).join(',')}`)
  }
  const kinds = MEDIA.has(name) ? '' : kindsKey(params)
  return rest === undefined ? kinds : kinds + rest.sort().join('')
}

/** What a telephone or address is of. The preference is left out: old phones set it by order. */
export function kindsKey(params: JParams): string {
  if (params.type === undefined) return ''
  const kinds = paramList(params, 'type')
    .map((type) => type.toUpperCase())
    .filter((type) => !SILENT_TYPES.has(type))
  return kinds.length === 0 ? '' : `;${[...new Set(kinds)].sort().join(',')}`
}
