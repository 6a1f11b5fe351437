/**
 * The universal form of events and tasks: JSCalendar (RFC 8984). What has no place in it rests in `iCalProps`,
 * `iCalComponents` (time zones, changed occurrences) and `iCalRootProps` (properties of VCALENDAR), so nothing is lost (PIM-7).
 */

import type { JComponent, JProperty } from './jcard.ts'
import type { Flags } from './jscontact.ts'

export interface RecurrenceRule {
  readonly '@type': 'RecurrenceRule'
  readonly frequency: string
  readonly interval?: number
  readonly count?: number
  /** Local time in the zone of the event. */
  readonly until?: string
  readonly byDay?: readonly { readonly day: string; readonly nthOfPeriod?: number }[]
  readonly byMonth?: readonly string[]
  readonly byMonthDay?: readonly number[]
  readonly byYearDay?: readonly number[]
  readonly byWeekNo?: readonly number[]
  readonly byHour?: readonly number[]
  readonly byMinute?: readonly number[]
  readonly bySecond?: readonly number[]
  readonly bySetPosition?: readonly number[]
  readonly firstDayOfWeek?: string
}

export interface Alert {
  readonly '@type': 'Alert'
  readonly trigger:
    | { readonly '@type': 'OffsetTrigger'; readonly offset: string; readonly relativeTo?: 'end' }
    | { readonly '@type': 'AbsoluteTrigger'; readonly when: string }
  readonly action: 'display'
  readonly iCalProps?: readonly JProperty[]
}

interface CalendarObject {
  readonly uid?: string
  readonly prodId?: string
  readonly method?: string
  readonly title?: string
  readonly description?: string
  readonly created?: string
  readonly updated?: string
  readonly sequence?: number
  readonly priority?: number
  readonly privacy?: string
  readonly keywords?: Flags
  readonly locations?: Readonly<Record<string, { readonly '@type': 'Location'; readonly name: string }>>
  readonly links?: Readonly<Record<string, { readonly '@type': 'Link'; readonly href: string }>>
  /** Local time; `timeZone` says where, none means wherever the user is. */
  readonly start?: string
  readonly timeZone?: string
  readonly showWithoutTime?: true
  readonly recurrenceRules?: readonly RecurrenceRule[]
  readonly recurrenceOverrides?: Readonly<Record<string, { readonly excluded: true }>>
  readonly alerts?: Readonly<Record<string, Alert>>
  readonly iCalProps?: readonly JProperty[]
  readonly iCalComponents?: readonly JComponent[]
  readonly iCalRootProps?: readonly JProperty[]
}

export interface CalendarEvent extends CalendarObject {
  readonly '@type': 'Event'
  /** Difference of the clock readings at start and end. */
  readonly duration?: string
  readonly status?: string
  readonly freeBusyStatus?: string
}

export interface CalendarTask extends CalendarObject {
  readonly '@type': 'Task'
  readonly due?: string
  readonly progress?: string
  readonly percentComplete?: number
}
