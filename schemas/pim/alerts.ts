/** VALARM and the alerts of JSCalendar. What an alert has no field for rests in its `iCalProps`. */

import { type JComponent, type JProperty, paramList } from './jcard.ts'
import type { Alert } from './jscalendar.ts'

/** The alert of a VALARM, or undefined if it would not come back the same. */
export function readAlert([, properties, components]: JComponent): Alert | undefined {
  const trigger = properties.find((property) => property[0] === 'trigger')
  const value = trigger?.[3]
  if (trigger === undefined || typeof value !== 'string' || components.length > 0) return undefined
  const rest = properties.filter((property) => property !== trigger && !isDisplay(property))
  const related = paramList(trigger[1], 'related')
  const iCalProps = rest.length === 0 ? {} : { iCalProps: rest }
  const base = { '@type': 'Alert' as const, action: 'display' as const, ...iCalProps }
  if (trigger[2] === 'date-time') {
    return Object.keys(trigger[1]).length > 0
      ? undefined
      : { ...base, trigger: { '@type': 'AbsoluteTrigger', when: value } }
  }
  if (trigger[2] !== 'duration' || Object.keys(trigger[1]).length !== related.length) return undefined
  const relativeTo = related[0]?.toUpperCase() === 'END' ? { relativeTo: 'end' as const } : {}
  return { ...base, trigger: { '@type': 'OffsetTrigger', offset: value, ...relativeTo } }
}

function isDisplay(property: JProperty): boolean {
  return property[0] === 'action' && property[3] === 'DISPLAY'
}

/** The VALARM of an alert. */
export function writeAlert(alert: Alert): JComponent {
  const rest = alert.iCalProps ?? []
  const trigger: JProperty =
    alert.trigger['@type'] === 'AbsoluteTrigger'
      ? ['trigger', {}, 'date-time', alert.trigger.when]
      : ['trigger', alert.trigger.relativeTo === 'end' ? { related: 'END' } : {}, 'duration', alert.trigger.offset]
  const action: JProperty[] = rest.some((property) => property[0] === 'action')
    ? []
    : [['action', {}, 'text', 'DISPLAY']]
  return ['valarm', [...action, trigger, ...rest], []]
}
