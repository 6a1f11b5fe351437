/** An Event or Task of JSCalendar to a VCALENDAR of iCalendar form, without `version`: the reverse of `toEvent`. Rule PIM-7. */

import { writeAlert } from './alerts.ts'
import { type TimeBase, writeTimes, writeUntil } from './calendarTimes.ts'
import type { JComponent, JProperty } from './jcard.ts'
import type { CalendarEvent, CalendarTask } from './jscalendar.ts'
import { durationSeconds, localSeconds, localTime } from './localTime.ts'
import { writeRule } from './recurrence.ts'
import { PRIVACY, PROGRESS, STATUS, TRANSP } from './toEvent.ts'

/** The calendar that holds the event or task, its time zones and its changed occurrences. */
export function fromEvent(object: CalendarEvent | CalendarTask): JComponent {
  const root: JProperty[] = []
  if (object.prodId !== undefined) root.push(['prodid', {}, 'text', object.prodId])
  if (object.method !== undefined) root.push(['method', {}, 'text', object.method])
  root.push(...(object.iCalRootProps ?? []))
  const others = object.iCalComponents ?? []
  const inside = others.filter(([name]) => name === 'valarm')
  const alarms = Object.values(object.alerts ?? {}).map(writeAlert)
  const main: JComponent = [
    object['@type'] === 'Task' ? 'vtodo' : 'vevent',
    propertiesOf(object),
    [...alarms, ...inside],
  ]
  const zones = others.filter(([name]) => name === 'vtimezone')
  const rest = others.filter(([name]) => name !== 'vtimezone' && name !== 'valarm')
  return ['vcalendar', root, [...zones, main, ...rest]]
}

function propertiesOf(object: CalendarEvent | CalendarTask): JProperty[] {
  const base: TimeBase = { timeZone: object.timeZone, wholeDay: object.showWithoutTime === true }
  const out: JProperty[] = []
  const text = (name: string, value: string | number | undefined, type = 'text') => {
    if (value !== undefined) out.push([name, {}, type, String(value)])
  }
  text('uid', object.uid)
  text('summary', object.title)
  text('description', object.description)
  text('created', object.created, 'date-time')
  text('last-modified', object.updated, 'date-time')
  text('sequence', object.sequence, 'integer')
  text('priority', object.priority, 'integer')
  text('class', wordOf(PRIVACY, object.privacy))
  for (const location of Object.values(object.locations ?? {})) text('location', location.name)
  for (const link of Object.values(object.links ?? {})) text('url', link.href, 'uri')
  if (object.keywords !== undefined) out.push(['categories', {}, 'text', ...Object.keys(object.keywords)])
  if (object.start !== undefined) out.push(writeTimes('dtstart', [object.start], base))
  if (object['@type'] === 'Event') writeEvent(object, base, out)
  else writeTask(object, base, out)
  writeRecurrence(object, base, out)
  out.push(...(object.iCalProps ?? []))
  return out
}

function writeEvent(event: CalendarEvent, base: TimeBase, out: JProperty[]): void {
  const given = (event.iCalProps ?? []).some(([name]) => name === 'duration' || name === 'dtend')
  const [start, length] = [localSeconds(event.start ?? ''), durationSeconds(event.duration ?? '')]
  if (!given && start !== undefined && length !== undefined)
    out.push(writeTimes('dtend', [localTime(start + length)], base))
  const status = wordOf(STATUS, event.status)
  const transp = wordOf(TRANSP, event.freeBusyStatus)
  if (status !== undefined) out.push(['status', {}, 'text', status])
  if (transp !== undefined) out.push(['transp', {}, 'text', transp])
}

function writeTask(task: CalendarTask, base: TimeBase, out: JProperty[]): void {
  if (task.due !== undefined) out.push(writeTimes('due', [task.due], base))
  const status = wordOf(PROGRESS, task.progress)
  if (status !== undefined) out.push(['status', {}, 'text', status])
  if (task.percentComplete !== undefined) out.push(['percent-complete', {}, 'integer', String(task.percentComplete)])
}

function writeRecurrence(object: CalendarEvent | CalendarTask, base: TimeBase, out: JProperty[]): void {
  for (const rule of object.recurrenceRules ?? []) {
    const text = writeRule(rule, (until) => writeUntil(until, base))
    if (text !== undefined) out.push(['rrule', {}, 'recur', text])
  }
  const excluded = Object.keys(object.recurrenceOverrides ?? {})
  if (excluded.length > 0) out.push(writeTimes('exdate', excluded, base))
}

function wordOf(words: Readonly<Record<string, string>>, value: string | undefined): string | undefined {
  return value === undefined ? undefined : Object.keys(words).find((word) => words[word] === value)
}
