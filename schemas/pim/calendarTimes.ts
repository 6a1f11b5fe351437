/** Times of iCalendar properties in the terms of JSCalendar: local time, zone, whole day; and back. */

import type { JParams, JProperty } from './jcard.ts'
import { localSeconds, localTime, utcToZoned, zonedToUtc } from './localTime.ts'

/** What kind of time an object keeps all its times in. */
export interface TimeBase {
  /** `Etc/UTC`, a zone, or undefined for floating times. */
  readonly timeZone: string | undefined
  readonly wholeDay: boolean
}

/** A time and its base, or undefined if the property holds anything else. */
export function readTime(property: JProperty): { local: string; base: TimeBase } | undefined {
  const [, params, type, value] = property
  if (property.length !== 4 || typeof value !== 'string') return undefined
  const zone = zoneOf(params)
  if (zone === null) return undefined
  const local = readLocal(value, type, zone)
  return local && { local: local.local, base: local.base }
}

/** The zone of TZID, undefined without one, null if there are other parameters. */
function zoneOf(params: JParams): string | undefined | null {
  const names = Object.keys(params)
  if (names.length === 0) return undefined
  return names.length === 1 && typeof params.tzid === 'string' ? params.tzid : null
}

function readLocal(
  value: string,
  type: string,
  zone: string | undefined,
): { local: string; base: TimeBase } | undefined {
  if (type === 'date') {
    const local = `${value}T00:00:00`
    const whole = localSeconds(local) !== undefined && zone === undefined
    return whole ? { local, base: { timeZone: undefined, wholeDay: true } } : undefined
  }
  const utc = value.endsWith('Z')
  const local = utc ? value.slice(0, -1) : value
  if (type !== 'date-time' || localSeconds(local) === undefined || (utc && zone !== undefined)) return undefined
  return { local, base: { timeZone: utc ? 'Etc/UTC' : zone, wholeDay: false } }
}

export function sameBase(a: TimeBase, b: TimeBase): boolean {
  return a.timeZone === b.timeZone && a.wholeDay === b.wholeDay
}

/** A property of local times in their base. */
export function writeTimes(name: string, locals: readonly string[], base: TimeBase): JProperty {
  if (base.wholeDay) return [name, {}, 'date', ...locals.map((local) => local.slice(0, 10))]
  if (base.timeZone === 'Etc/UTC') return [name, {}, 'date-time', ...locals.map((local) => `${local}Z`)]
  return [name, base.timeZone === undefined ? {} : { tzid: base.timeZone }, 'date-time', ...locals]
}

/** UNTIL of a rule as local time: a date, or UTC that is told in the zone of the event. */
export function readUntil(text: string, base: TimeBase): string | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?$/.exec(text.toUpperCase())
  if (match === null) return undefined
  const [, year, month, day, hour = '00', minute = '00', second = '00', z] = match
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}`
  if (base.timeZone === undefined || z !== 'Z') return local
  const seconds = localSeconds(local)
  return seconds === undefined ? undefined : utcToZoned(seconds, base.timeZone)
}

/** The reverse of `readUntil`. */
export function writeUntil(local: string, base: TimeBase): string | undefined {
  if (base.wholeDay) return compact(local.slice(0, 10))
  if (base.timeZone === undefined) return compact(local)
  const seconds = zonedToUtc(local, base.timeZone)
  return seconds === undefined ? undefined : `${compact(localTime(seconds))}Z`
}

function compact(local: string): string {
  return local.replace(/[-:]/g, '')
}
