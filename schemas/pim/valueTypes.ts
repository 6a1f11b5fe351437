/**
 * What each property holds: value type, list, structure. The tables and the forms of dates come from ical.js; where it
 * would change a value (PIM-3), the value stays as it was written.
 */

import ICAL from 'ical.js'
import type { Dialect } from './jcard.ts'

/** How the value of a property is made. */
export interface Shape {
  readonly type: string
  /** Components divided by `;`. */
  readonly structured: boolean
  /** Values, or the texts of a component, divided by `,`. */
  readonly list: boolean
}

interface DesignProperty {
  readonly defaultType?: string
  readonly structuredValue?: string
  readonly multiValue?: string
}
interface DesignValue {
  fromICAL?(raw: string): unknown
  toICAL?(value: string): unknown
}
interface DesignSet {
  readonly property: Readonly<Record<string, DesignProperty>>
  readonly value: Readonly<Record<string, DesignValue>>
}

const design = ICAL.design as unknown as { icalendar: DesignSet; vcard: DesignSet; vcard3: DesignSet }

const UNKNOWN: Shape = { type: 'unknown', structured: false, list: false }
const TEXT: Shape = { type: 'text', structured: false, list: false }
const PARTS: Shape = { type: 'text', structured: true, list: false }

const MOMENT: Shape = { type: 'date-and-or-time', structured: false, list: false }
const URI: Shape = { type: 'uri', structured: false, list: false }

/** What older texts have from later versions. */
const LATER = {
  anniversary: MOMENT,
  deathdate: MOMENT,
  impp: URI,
  fburl: URI,
  caluri: URI,
  caladruri: URI,
  source: URI,
}

/** What 4.0 texts have from earlier versions. */
const EARLIER = { label: TEXT, mailer: TEXT, class: TEXT, agent: TEXT, 'sort-string': TEXT }

/** What the tables of ical.js say otherwise than the specifications, or not at all. */
const corrections: Readonly<Record<Dialect, Readonly<Record<string, Shape>>>> = {
  'vcard2.1': { ...LATER, note: TEXT, n: PARTS, adr: PARTS, tz: TEXT, agent: TEXT, geo: TEXT },
  'vcard3.0': { ...LATER, note: TEXT, tz: TEXT, geo: PARTS, agent: TEXT },
  'vcard4.0': { ...EARLIER, deathdate: MOMENT, tel: TEXT, tz: TEXT },
  'vcal1.0': { geo: TEXT, rrule: TEXT, exdate: TEXT, rdate: TEXT, categories: TEXT, resources: TEXT, attach: TEXT },
  'ical2.0': { geo: PARTS, rrule: { ...TEXT, type: 'recur' } },
}

const setOf = (dialect: Dialect): DesignSet =>
  dialect === 'vcard4.0' ? design.vcard : dialect.startsWith('vcard') ? design.vcard3 : design.icalendar

const shapes = new Map<Dialect, ReadonlyMap<string, Shape>>(
  (Object.keys(corrections) as Dialect[]).map((dialect) => [dialect, shapesOf(dialect)]),
)

function shapesOf(dialect: Dialect): ReadonlyMap<string, Shape> {
  const known = Object.entries(setOf(dialect).property).map(([name, entry]): [string, Shape] => [
    name,
    {
      type: entry.defaultType ?? 'text',
      structured: entry.structuredValue !== undefined,
      list: entry.multiValue !== undefined,
    },
  ])
  return new Map([...known, ...Object.entries(corrections[dialect])])
}

/** The shape of a property; unknown ones hold raw text. */
export function shapeOf(name: string, dialect: Dialect): Shape {
  return shapes.get(dialect)?.get(name) ?? UNKNOWN
}

const dated = new Set(['date', 'date-time', 'date-and-or-time', 'timestamp', 'time', 'utc-offset', 'period'])

/** True for types whose jCard form differs from their text. */
export function isDated(type: string): boolean {
  return dated.has(type)
}

/** `19801202T101500Z` to `1980-12-02T10:15:00Z`, if that leads back to the same text. */
export function toJDate(raw: string, type: string, dialect: Dialect): string {
  const codec = codecOf(type, dialect)
  const value = codec?.fromICAL?.(raw)
  return typeof value === 'string' && codec?.toICAL?.(value) === raw ? value : raw
}

/** The reverse of `toJDate`; values in another form stay as they are. */
export function fromJDate(value: string, type: string, dialect: Dialect): string {
  const raw = codecOf(type, dialect)?.toICAL?.(value)
  return typeof raw === 'string' && toJDate(raw, type, dialect) === value ? raw : value
}

function codecOf(type: string, dialect: Dialect): DesignValue | undefined {
  const values = setOf(dialect).value
  return type === 'period' || !Object.hasOwn(values, type) ? undefined : values[type]
}
