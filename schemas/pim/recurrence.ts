/**
 * RRULE of iCalendar (RFC 5545, section 3.3.10) to a RecurrenceRule and back. A rule with something that JSCalendar
 * has no word for is not taken apart.
 */

import type { RecurrenceRule } from './jscalendar.ts'
import type { Open } from './jscontact.ts'

const numberLists = {
  BYMONTHDAY: 'byMonthDay',
  BYYEARDAY: 'byYearDay',
  BYWEEKNO: 'byWeekNo',
  BYHOUR: 'byHour',
  BYMINUTE: 'byMinute',
  BYSECOND: 'bySecond',
  BYSETPOS: 'bySetPosition',
} as const

/** Converts the end of a rule; undefined if it cannot be told in the zone of the event. */
type Until = (value: string) => string | undefined

/** The rule, or undefined if it would not come back the same. */
export function readRule(text: string, readUntil: Until, writeUntil: Until): RecurrenceRule | undefined {
  const rule: Open<RecurrenceRule> = { '@type': 'RecurrenceRule', frequency: '' }
  const parts = text.split(';')
  if (!parts.every((part) => readPart(rule, part, readUntil))) return undefined
  const written = writeRule(rule, writeUntil)
  return written !== undefined && sameParts(written, text) ? rule : undefined
}

function sameParts(a: string, b: string): boolean {
  return a.split(';').sort().join(';') === b.toUpperCase().split(';').sort().join(';')
}

function readPart(rule: Open<RecurrenceRule>, part: string, readUntil: Until): boolean {
  const equals = part.indexOf('=')
  const key = part.slice(0, Math.max(0, equals)).toUpperCase()
  const value = part.slice(equals + 1)
  if (key === 'FREQ') rule.frequency = value.toLowerCase()
  else if (key === 'INTERVAL') rule.interval = Number(value)
  else if (key === 'COUNT') rule.count = Number(value)
  else if (key === 'WKST') rule.firstDayOfWeek = value.toLowerCase()
  else if (key === 'BYMONTH') rule.byMonth = value.split(',')
  else if (key === 'BYDAY') rule.byDay = value.split(',').map(readDay)
  else if (key === 'UNTIL') {
    const until = readUntil(value)
    if (until === undefined) return false
    rule.until = until
  } else if (Object.hasOwn(numberLists, key)) {
    rule[numberLists[key as keyof typeof numberLists]] = value.split(',').map(Number)
  } else return false
  return true
}

function readDay(text: string): { day: string; nthOfPeriod?: number } {
  const day = text.slice(-2).toLowerCase()
  return text.length === 2 ? { day } : { day, nthOfPeriod: Number(text.slice(0, -2)) }
}

/** The text of a rule, or undefined if its end cannot be told. */
export function writeRule(rule: RecurrenceRule, writeUntil: Until): string | undefined {
  const parts = [`FREQ=${rule.frequency.toUpperCase()}`]
  if (rule.until !== undefined) {
    const until = writeUntil(rule.until)
    if (until === undefined) return undefined
    parts.push(`UNTIL=${until}`)
  }
  if (rule.interval !== undefined) parts.push(`INTERVAL=${rule.interval}`)
  if (rule.count !== undefined) parts.push(`COUNT=${rule.count}`)
  for (const key of Object.keys(numberLists) as (keyof typeof numberLists)[]) {
    const list = rule[numberLists[key]]
    if (list !== undefined) parts.push(`${key}=${list.join(',')}`)
  }
  if (rule.byDay !== undefined) {
    parts.push(`BYDAY=${rule.byDay.map((entry) => `${entry.nthOfPeriod ?? ''}${entry.day.toUpperCase()}`).join(',')}`)
  }
  if (rule.byMonth !== undefined) parts.push(`BYMONTH=${rule.byMonth.join(',')}`)
  if (rule.firstDayOfWeek !== undefined) parts.push(`WKST=${rule.firstDayOfWeek.toUpperCase()}`)
  return parts.join(';')
}
