/**
 * A VCALENDAR of iCalendar form to an Event or Task of JSCalendar. As with cards, a property is taken apart only if it
 * comes back the same; every other one is kept as it is (PIM-7).
 */

import { readAlert } from './alerts.ts'
import { readTime, readUntil, sameBase, type TimeBase, writeUntil } from './calendarTimes.ts'
import { invalidContent } from './invalid.ts'
import { type JComponent, type JProperty, valuesOf } from './jcard.ts'
import type { Alert, CalendarEvent, CalendarTask, RecurrenceRule } from './jscalendar.ts'
import type { Open } from './jscontact.ts'
import { durationOf, localSeconds } from './localTime.ts'
import { readRule } from './recurrence.ts'

/** Either, with the fields of both: what they are told apart by is `@type`. */
export type OpenCalendarObject = Omit<Open<CalendarEvent>, '@type'> &
  Omit<Open<CalendarTask>, '@type'> & { '@type': 'Event' | 'Task' }

interface Context {
  readonly object: OpenCalendarObject
  base: TimeBase | undefined
}
/** True if the property has found its place. */
type Reader = (context: Context, property: JProperty) => boolean

/**
 * The event or task of a calendar: of several, the one that is no changed occurrence.
 * @throws {CodedError} `content.invalid` if there is none
 */
export function toEvent([, rootProps, components]: JComponent): CalendarEvent | CalendarTask {
  const main =
    components.find((c) => isObject(c) && !c[1].some(([name]) => name === 'recurrence-id')) ?? components.find(isObject)
  if (main === undefined) throw invalidContent('the calendar holds neither an event nor a task')
  const object: OpenCalendarObject = { '@type': main[0] === 'vtodo' ? 'Task' : 'Event' }
  const context: Context = { object, base: undefined }
  readRootProps(object, rootProps)
  const rest = placeAll(context, main[1])
  if (rest.length > 0) object.iCalProps = rest
  const others = [...readAlarms(object, main[2]), ...components.filter((component) => component !== main)]
  if (others.length > 0) object.iCalComponents = others
  return object as CalendarEvent | CalendarTask
}

function isObject([name]: JComponent): boolean {
  return name === 'vevent' || name === 'vtodo'
}

function readRootProps(object: OpenCalendarObject, properties: readonly JProperty[]): void {
  const rest: JProperty[] = []
  for (const property of properties) {
    const value = plainText(property)
    if (property[0] === 'version') continue
    if (property[0] === 'prodid' && value !== undefined && object.prodId === undefined) object.prodId = value
    else if (property[0] === 'method' && value !== undefined && object.method === undefined) object.method = value
    else rest.push(property)
  }
  if (rest.length > 0) object.iCalRootProps = rest
}

/** Start comes first, for all other times are told against it. */
function placeAll(context: Context, properties: readonly JProperty[]): JProperty[] {
  const start = properties.find(([name]) => name === 'dtstart')
  const placed = start !== undefined && readStart(context, start)
  return properties.filter((property) => {
    if (property === start && placed) return false
    return readers.get(property[0])?.(context, property) !== true
  })
}

function readAlarms(object: OpenCalendarObject, components: readonly JComponent[]): JComponent[] {
  const alerts: Record<string, Alert> = {}
  let count = 0
  const rest = components.filter((component) => {
    const alert = component[0] === 'valarm' ? readAlert(component) : undefined
    if (alert !== undefined) alerts[`alert-${++count}`] = alert
    return alert === undefined
  })
  if (count > 0) object.alerts = alerts
  return rest
}

function plainText(property: JProperty): string | undefined {
  const value = property[3]
  if (property.length !== 4 || typeof value !== 'string') return undefined
  for (const _ in property[1]) return undefined
  return value
}

const readStart: Reader = (context, property) => {
  const time = readTime(property)
  if (time === undefined) return false
  context.base = time.base
  context.object.start = time.local
  if (time.base.timeZone !== undefined) context.object.timeZone = time.base.timeZone
  if (time.base.wholeDay) context.object.showWithoutTime = true
  return true
}

const readEnd: Reader = ({ object, base }, property) => {
  const time = readTime(property)
  if (time === undefined || base === undefined || object.duration !== undefined || object['@type'] !== 'Event')
    return false
  const [start, end] = [localSeconds(object.start ?? ''), localSeconds(time.local)]
  if (!sameBase(time.base, base) || start === undefined || end === undefined || end < start) return false
  object.duration = durationOf(end - start)
  return true
}

/** A DURATION that was given as such stays beside the field, so that it is not written as DTEND. */
const readDuration: Reader = ({ object }, property) => {
  const value = plainText(property)
  if (value !== undefined && object.duration === undefined && object['@type'] === 'Event') object.duration = value
  return false
}

const readDue: Reader = (context, property) => {
  const { object } = context
  const time = readTime(property)
  if (time === undefined || object['@type'] !== 'Task' || object.due !== undefined) return false
  if (context.base === undefined) {
    if (object.start !== undefined) return false
    context.base = time.base
    if (time.base.timeZone !== undefined) object.timeZone = time.base.timeZone
    if (time.base.wholeDay) object.showWithoutTime = true
  } else if (!sameBase(time.base, context.base)) return false
  object.due = time.local
  return true
}

function text(field: 'uid' | 'title' | 'description'): Reader {
  return ({ object }, property) => {
    const value = plainText(property)
    if (value === undefined || object[field] !== undefined || property[2] !== 'text') return false
    object[field] = value
    return true
  }
}

function keyword(
  field: 'status' | 'privacy' | 'progress' | 'freeBusyStatus',
  words: Readonly<Record<string, string>>,
): Reader {
  return ({ object }, property) => {
    const value = plainText(property)
    if (value === undefined || !Object.hasOwn(words, value) || object[field] !== undefined) return false
    object[field] = words[value] ?? ''
    return true
  }
}

function integer(field: 'sequence' | 'priority' | 'percentComplete'): Reader {
  return ({ object }, property) => {
    const value = plainText(property)
    if (value === undefined || !/^(0|[1-9]\d{0,8})$/.test(value) || object[field] !== undefined) return false
    object[field] = Number(value)
    return true
  }
}

function utcTime(field: 'created' | 'updated'): Reader {
  return ({ object }, property) => {
    const value = plainText(property)
    if (value === undefined || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value) || object[field] !== undefined)
      return false
    object[field] = value
    return true
  }
}

const readLocation: Reader = ({ object }, property) => {
  const name = plainText(property)
  if (name === undefined || object.locations !== undefined) return false
  object.locations = { 'location-1': { '@type': 'Location', name } }
  return true
}

const readLink: Reader = ({ object }, property) => {
  const href = plainText(property)
  if (href === undefined || object.links !== undefined || property[2] !== 'uri') return false
  object.links = { 'link-1': { '@type': 'Link', href } }
  return true
}

const readKeywords: Reader = ({ object }, property) => {
  const words = valuesOf(property)
  const simple = words.every((word) => typeof word === 'string' && word !== '' && word !== '__proto__')
  if (!simple || Object.keys(property[1]).length > 0) return false
  const keywords = (object.keywords ?? {}) as Record<string, true>
  for (const word of words) keywords[String(word)] = true
  object.keywords = keywords
  return true
}

const readRecurrence: Reader = ({ object, base }, property) => {
  const value = plainText(property)
  if (value === undefined || base === undefined) return false
  const rule = readRule(
    value,
    (until) => readUntil(until, base),
    (until) => writeUntil(until, base),
  )
  if (rule === undefined) return false
  const rules = (object.recurrenceRules ?? []) as RecurrenceRule[]
  rules.push(rule)
  object.recurrenceRules = rules
  return true
}

const readExceptions: Reader = ({ object, base }, property) => {
  const locals: string[] = []
  for (const value of valuesOf(property)) {
    const time = readTime([property[0], property[1], property[2], value])
    if (time === undefined || base === undefined || !sameBase(time.base, base)) return false
    locals.push(time.local)
  }
  const overrides = (object.recurrenceOverrides ?? {}) as Record<string, { readonly excluded: true }>
  for (const local of locals) overrides[local] = { excluded: true }
  object.recurrenceOverrides = overrides
  return true
}

/** Words of iCalendar and JSCalendar. */
export const STATUS = { CONFIRMED: 'confirmed', TENTATIVE: 'tentative', CANCELLED: 'cancelled' }
export const PROGRESS = {
  'NEEDS-ACTION': 'needs-action',
  'IN-PROCESS': 'in-process',
  COMPLETED: 'completed',
  CANCELLED: 'cancelled',
}
export const PRIVACY = { PUBLIC: 'public', PRIVATE: 'private', CONFIDENTIAL: 'secret' }
export const TRANSP = { OPAQUE: 'busy', TRANSPARENT: 'free' }

const readStatus: Reader = (context, property) =>
  (context.object['@type'] === 'Task' ? keyword('progress', PROGRESS) : keyword('status', STATUS))(context, property)

const readers = new Map<string, Reader>([
  ['uid', text('uid')],
  ['summary', text('title')],
  ['description', text('description')],
  ['dtend', readEnd],
  ['duration', readDuration],
  ['due', readDue],
  ['status', readStatus],
  ['class', keyword('privacy', PRIVACY)],
  ['transp', keyword('freeBusyStatus', TRANSP)],
  ['sequence', integer('sequence')],
  ['priority', integer('priority')],
  ['percent-complete', integer('percentComplete')],
  ['created', utcTime('created')],
  ['last-modified', utcTime('updated')],
  ['location', readLocation],
  ['url', readLink],
  ['categories', readKeywords],
  ['rrule', readRecurrence],
  ['exdate', readExceptions],
])
