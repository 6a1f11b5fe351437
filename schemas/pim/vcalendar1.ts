/**
 * A vCalendar 1.0 tree to the form of iCalendar 2.0 and back (reference 9.3): recurrence rules, lists divided by `;`,
 * alarms, words. What has no counterpart keeps its name and value. Rule PIM-8.
 */

import type { JComponent, JProperty } from './jcard.ts'
import { componentTexts, valuesOf } from './jcard.ts'
import { durationSeconds, localSeconds, localTime, zonedToUtc } from './localTime.ts'
import { ruleOfOld, ruleToOld } from './oldRecurrence.ts'

/** Rules that could not be converted, under names that the other version leaves alone. */
const FOREIGN_RULE = 'x-vcal-rrule'
const LATER_RULE = 'x-ical-rrule'
const DATE_TIME = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(Z?)$/

/** The tree in the form of iCalendar 2.0. */
export function fromOldCalendar([name, properties, components]: JComponent): JComponent {
  return [name, properties, components.map(fromOldObject)]
}

function fromOldObject([name, properties, components]: JComponent): JComponent {
  const alarms: JComponent[] = []
  const converted: JProperty[] = []
  for (const property of properties) {
    const alarm = property[0] === 'aalarm' || property[0] === 'dalarm' ? readOldAlarm(property) : undefined
    if (alarm !== undefined) alarms.push(alarm)
    else converted.push(fromOldProperty(property))
  }
  return [name, converted, [...components, ...alarms]]
}

/** One property in the form of iCalendar 2.0. */
export function fromOldProperty(property: JProperty): JProperty {
  const [name, params, , first] = property
  const value = typeof first === 'string' ? first : ''
  if (name === 'rrule') {
    const rule = ruleOfOld(value)
    return rule === undefined ? [FOREIGN_RULE, params, 'unknown', value] : ['rrule', params, 'recur', rule]
  }
  if (name === LATER_RULE) return ['rrule', params, 'recur', value]
  if (name === 'exdate' || name === 'rdate') {
    const times = value.split(/[;,]/).map((time) => time.trim())
    return times.every((time) => DATE_TIME.test(time)) ? [name, params, 'date-time', ...times.map(extended)] : property
  }
  if (name === 'categories' || name === 'resources') return [name, params, 'text', ...value.split(';')]
  if (name === 'status' && value === 'NEEDS ACTION') return [name, params, 'text', 'NEEDS-ACTION']
  if (name === 'transp' && value === '0') return [name, params, 'text', 'OPAQUE']
  if (name === 'transp' && value === '1') return [name, params, 'text', 'TRANSPARENT']
  return property
}

function extended(time: string): string {
  return time.replace(DATE_TIME, '$1-$2-$3T$4:$5:$6$7')
}

function compact(time: string): string {
  return time.replace(/[-:]/g, '')
}

/** `AALARM:time;snooze;repeat;content`. */
function readOldAlarm([name, params, , first]: JProperty): JComponent | undefined {
  const parts = String(first ?? '').split(';')
  const [time = '', snooze = '', repeat = '', ...content] = parts
  if (!DATE_TIME.test(time)) return undefined
  const out: JProperty[] = [
    ['action', params, 'text', name === 'aalarm' ? 'AUDIO' : 'DISPLAY'],
    ['trigger', {}, 'date-time', extended(time)],
  ]
  if (snooze !== '') out.push(['duration', {}, 'duration', snooze])
  if (repeat !== '' && repeat !== '0') out.push(['repeat', {}, 'integer', repeat])
  const rest = content.join(';')
  if (rest !== '' || name === 'dalarm')
    out.push([name === 'aalarm' ? 'attach' : 'description', {}, name === 'aalarm' ? 'uri' : 'text', rest])
  return ['valarm', out, []]
}

/** The tree in the form of vCalendar 1.0; times of a zone become UTC, because there are no zones. */
export function toOldCalendar([name, properties, components]: JComponent): JComponent {
  const kept = components.filter(([component]) => component !== 'vtimezone')
  return [name, properties, kept.map(toOldObject)]
}

function toOldObject([name, properties, components]: JComponent): JComponent {
  const times = properties.map(toUtc)
  const alarms = components.flatMap((component) =>
    component[0] === 'valarm' ? (writeOldAlarm(component, times) ?? []) : [],
  )
  const others = components.filter((component) => component[0] !== 'valarm')
  return [name, [...times.map(toOldProperty), ...alarms], others]
}

function toUtc(property: JProperty): JProperty {
  const [name, { tzid, ...params }, type] = property
  if (typeof tzid !== 'string' || type !== 'date-time') return property
  const values = valuesOf(property).map((value) => {
    const seconds = typeof value === 'string' ? zonedToUtc(value, tzid) : undefined
    return seconds === undefined ? value : `${localTime(seconds)}Z`
  })
  return [name, params, type, ...values]
}

function toOldProperty(property: JProperty): JProperty {
  const [name, params, type, first] = property
  const value = typeof first === 'string' ? first : ''
  if (name === FOREIGN_RULE) return ['rrule', params, 'text', value]
  if (name === 'rrule') {
    const rule = ruleToOld(value)
    return rule === undefined ? [LATER_RULE, params, 'unknown', value] : ['rrule', params, 'text', rule]
  }
  if (name === 'exdate' || name === 'rdate')
    return [
      name,
      params,
      'text',
      valuesOf(property)
        .map((v) => midnight(compact(String(v))))
        .join(';'),
    ]
  if (name === 'categories' || name === 'resources') return [name, params, 'text', valuesOf(property).join(';')]
  if (name === 'status' && value === 'NEEDS-ACTION') return [name, params, 'text', 'NEEDS ACTION']
  if (name === 'transp' && value === 'OPAQUE') return [name, params, 'text', '0']
  if (name === 'transp' && value === 'TRANSPARENT') return [name, params, 'text', '1']
  if (name === 'geo') return [name, params, 'text', componentTexts(first).join(';')]
  return type === 'date' ? [name, params, 'date-time', `${value}T00:00:00`] : property
}

function midnight(time: string): string {
  return time.length === 8 ? `${time}T000000` : time
}

/** An alarm whose time is known, as AALARM or DALARM. */
function writeOldAlarm([, properties]: JComponent, times: readonly JProperty[]): JProperty[] | undefined {
  const of = (name: string) => properties.find((property) => property[0] === name)
  const time = alarmTime(of('trigger'), times)
  if (time === undefined) return undefined
  const action = of('action')
  const audio = action?.[3] === 'AUDIO'
  const content = of(audio ? 'attach' : 'description')?.[3] ?? ''
  const parts = [compact(time), of('duration')?.[3] ?? '', of('repeat')?.[3] ?? '0', content]
  return [[audio ? 'aalarm' : 'dalarm', action?.[1] ?? {}, 'unknown', parts.join(';').replaceAll('\n', '\\n')]]
}

function alarmTime(trigger: JProperty | undefined, times: readonly JProperty[]): string | undefined {
  const value = trigger?.[3]
  if (trigger === undefined || typeof value !== 'string') return undefined
  if (trigger[2] === 'date-time') return value
  const related = String(trigger[1].related ?? 'START').toUpperCase()
  const names = related === 'END' ? ['dtend', 'due'] : ['dtstart', 'due']
  const from = names.map((name) => times.find((property) => property[0] === name)).find((found) => found !== undefined)
  const start = String(from?.[3] ?? '')
  const local = from?.[2] === 'date' ? `${start}T00:00:00` : start.replace(/Z$/, '')
  const [seconds, offset] = [localSeconds(local), durationSeconds(value)]
  if (seconds === undefined || offset === undefined) return undefined
  return `${localTime(seconds + offset)}${start.endsWith('Z') ? 'Z' : ''}`
}
