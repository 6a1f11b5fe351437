/**
 * Times for devices that know no UTC: they mean the user's local time, whatever they are sent (reference 2.3, `UTC`).
 * Only the times of the item itself; stamps stay. Rule PIM-14.
 */

import type { JComponent, JProperty, JValue } from './jcard.ts'
import { valuesOf } from './jcard.ts'
import { localSeconds, localTime, utcToZoned, zonedToUtc } from './localTime.ts'

const TIMES = new Set(['dtstart', 'dtend', 'due', 'exdate', 'rdate', 'recurrence-id', 'trigger'])

/** A time as UTC, if its zone is known; else as it is. */
export function inUtc(value: string, tzid: string | readonly string[] | undefined): string {
  if (typeof tzid !== 'string' || value.endsWith('Z')) return value
  const seconds = zonedToUtc(value, tzid)
  return seconds === undefined ? value : `${localTime(seconds)}Z`
}

/** All times of UTC or of a zone as local times of `timeZone`, without a zone. */
export function toLocalTimes(tree: JComponent, timeZone: string): JComponent {
  return mapTimes(tree, (property) => {
    const [name, { tzid, ...params }, type, ...values] = property
    const local = values.map((value) => toLocal(value, tzid, timeZone))
    return local.every((value) => value !== undefined) ? [name, params, type, ...local] : property
  })
}

function toLocal(value: JValue, tzid: string | readonly string[] | undefined, timeZone: string): string | undefined {
  if (typeof value !== 'string') return undefined
  const utc = inUtc(value, tzid)
  if (!utc.endsWith('Z')) return tzid === undefined ? value : undefined
  const seconds = localSeconds(utc.slice(0, -1))
  return seconds === undefined ? undefined : utcToZoned(seconds, timeZone)
}

/** All local times without a zone as times of `timeZone`. */
export function fromLocalTimes(tree: JComponent, timeZone: string): JComponent {
  return mapTimes(tree, (property) => {
    const [name, params, type] = property
    const values = valuesOf(property)
    const floating = values.every((value) => typeof value === 'string' && localSeconds(value) !== undefined)
    if (params.tzid !== undefined || !floating) return property
    // A trigger has no zone; it is always UTC.
    if (name === 'trigger') return [name, params, type, ...values.map((value) => inUtc(String(value), timeZone))]
    return [name, { ...params, tzid: timeZone }, type, ...values]
  })
}

function mapTimes([name, properties, components]: JComponent, map: (property: JProperty) => JProperty): JComponent {
  if (name === 'vtimezone') return [name, properties, components]
  const mapped = properties.map((property) =>
    TIMES.has(property[0]) && property[2] === 'date-time' ? map(property) : property,
  )
  return [name, mapped, components.map((component) => mapTimes(component, map))]
}
