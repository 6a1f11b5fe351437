/** Which format an Item goes to a device in, and which properties it may have (IT-10). Pure. */

import { type ContentFormat, type ContentKind, contentTypesOf } from '../../schemas/pim/content.ts'
import type { Dialect } from '../../schemas/pim/jcard.ts'
import { dialectOf } from '../../schemas/pim/writeContent.ts'
import type { DevInfProperty } from '../../schemas/syncml/message.ts'
import type { ClientAbilities, TypedContent } from './content.ts'

/** Properties without which no device can use an Item; a field filter does not take them away. */
const INDISPENSABLE = [
  'BEGIN',
  'END',
  'VERSION',
  'N',
  'FN',
  'UID',
  'SUMMARY',
  'DTSTART',
  'DTEND',
  'DUE',
  'RECURRENCE-ID',
]

/** The format that content is written in, as its text says. */
export function formatOf({ type, octets }: TypedContent): ContentFormat {
  const head = Buffer.from(octets.buffer, octets.byteOffset, Math.min(octets.length, 4096)).toString('latin1')
  const version = /^VERSION[^:\r\n]*:\s*(\d\.\d)/im.exec(head)?.[1]
  return { type, version: version ?? '' }
}

/** True if both names mean one way of writing: cards and calendars by dialect, others by media type. */
function sameFormat(a: ContentFormat, b: ContentFormat): boolean {
  const [left, right] = [dialectOf(a), dialectOf(b)]
  if (left !== undefined || right !== undefined) return left === right
  return mediaType(a.type) === mediaType(b.type)
}

function mediaType(type: string): string {
  return (type.split(';')[0] ?? '').trim().toLowerCase()
}

/**
 * The format for a device: the one it is in if the device takes that, else the first one that the device takes and this
 * kind can be written in; undefined if there is none.
 */
export function chooseFormat(
  held: ContentFormat,
  kind: ContentKind,
  { accepts }: ClientAbilities,
): ContentFormat | undefined {
  const taken = accepts.map(([type, version]): ContentFormat => ({ type, version }))
  const known = contentTypesOf(kind)
  return (
    taken.find((format) => sameFormat(format, held)) ??
    taken.find((format) => known.some((possible) => sameFormat(possible, format)))
  )
}

/** The properties of the device's CTCap for a format; undefined if it said nothing about it. */
export function propertiesFor(
  format: ContentFormat,
  abilities: ClientAbilities | undefined,
): readonly DevInfProperty[] | undefined {
  const cap = abilities?.ctCaps.find(({ ctType, verCt }) => sameFormat({ type: ctType, version: verCt }, format))
  const held = cap === undefined || cap.properties.length === 0 ? undefined : cap.properties
  const fields = abilities?.fields
  if (fields === undefined || fields.length === 0) return held
  const wanted = new Set([...INDISPENSABLE, ...fields.map((name) => name.toUpperCase())])
  if (held !== undefined) return held.filter(({ propName }) => wanted.has(propName.toUpperCase()))
  return [...wanted].map((propName) => ({ propName, valEnums: [], params: [] }))
}

/** The dialect of a format, for merges. */
export function dialectFor(format: ContentFormat): { readonly dialect?: Dialect } {
  const dialect = dialectOf(format)
  return dialect === undefined ? {} : { dialect }
}

/** The format merged content is held in: the one it was in, or a modern one if that was of the nineties. */
export function mergedFormat(held: ContentFormat, kind: ContentKind): ContentFormat {
  const dialect = dialectOf(held)
  const [best] = contentTypesOf(kind)
  return best !== undefined && (dialect === 'vcard2.1' || dialect === 'vcal1.0') ? best : held
}
