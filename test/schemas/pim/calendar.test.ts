/** JSCalendar, the recurrence rules of vCalendar 1.0, and zones. */

import { describe, expect, it } from 'vitest'
import type { CalendarEvent } from '../../../schemas/pim/jscalendar.ts'
import { durationOf, durationSeconds, localSeconds, utcToZoned, zonedToUtc } from '../../../schemas/pim/localTime.ts'
import { matchKey } from '../../../schemas/pim/matchKey.ts'
import { mergeEdit } from '../../../schemas/pim/mergeEdit.ts'
import { ruleOfOld, ruleToOld } from '../../../schemas/pim/oldRecurrence.ts'
import { readContent, scanContent } from '../../../schemas/pim/readContent.ts'
import { writeContent } from '../../../schemas/pim/writeContent.ts'
import { parsedSet } from './sameProperties.ts'

const calendar = (version: string, component: string, ...lines: string[]) =>
  Buffer.from(
    [
      'BEGIN:VCALENDAR',
      `VERSION:${version}`,
      `BEGIN:${component}`,
      ...lines,
      `END:${component}`,
      'END:VCALENDAR',
      '',
    ].join('\r\n'),
  )

function event(...lines: string[]): CalendarEvent {
  const item = readContent('event', 'text/calendar', calendar('2.0', 'VEVENT', ...lines))
  if (item.kind !== 'event') throw new Error(`a ${item.kind}`)
  return item.event
}

describe('events', () => {
  it('[PIM-7] times have a zone, UTC, none, or are whole days', () => {
    expect(
      event('DTSTART;TZID=Europe/Berlin:20260101T080000', 'DTEND;TZID=Europe/Berlin:20260102T093000'),
    ).toMatchObject({ start: '2026-01-01T08:00:00', timeZone: 'Europe/Berlin', duration: 'P1DT1H30M' })
    expect(event('DTSTART:20260101T080000Z')).toMatchObject({ start: '2026-01-01T08:00:00', timeZone: 'Etc/UTC' })
    expect(event('DTSTART:20260101T080000')).not.toHaveProperty('timeZone')
    expect(event('DTSTART;VALUE=DATE:20260101', 'DTEND;VALUE=DATE:20260103')).toMatchObject({
      showWithoutTime: true,
      duration: 'P2D',
    })
  })

  it('[PIM-7] rules, exceptions, alerts, words and places', () => {
    const found = event(
      'DTSTART;TZID=Europe/Berlin:20260105T080000',
      'RRULE:FREQ=WEEKLY;UNTIL=20260601T060000Z;BYDAY=MO',
      'EXDATE;TZID=Europe/Berlin:20260112T080000,20260119T080000',
      'CLASS:CONFIDENTIAL',
      'TRANSP:TRANSPARENT',
      'CATEGORIES:a,b',
    )
    expect(found).toMatchObject({
      recurrenceRules: [{ frequency: 'weekly', until: '2026-06-01T08:00:00', byDay: [{ day: 'mo' }] }],
      recurrenceOverrides: { '2026-01-12T08:00:00': { excluded: true }, '2026-01-19T08:00:00': { excluded: true } },
      privacy: 'secret',
      freeBusyStatus: 'free',
      keywords: { a: true, b: true },
    })
    expect(found).not.toHaveProperty('iCalProps')
  })

  it.each([
    [
      'a zone of its own',
      ['DTSTART;TZID=Mine:20260105T080000', 'RRULE:FREQ=DAILY;UNTIL=20260601T060000Z', 'EXDATE:20260106T070000Z'],
    ],
    ['an end in another zone', ['DTSTART;TZID=Europe/Berlin:20260105T080000', 'DTEND;TZID=Asia/Tokyo:20260105T200000']],
    ['a duration, words of its own', ['DTSTART:20260105T080000Z', 'DURATION:PT90M', 'STATUS:X-ODD', 'PRIORITY:007']],
    [
      'broken values',
      ['DTSTART:tomorrow', 'DTEND:20260105T08', 'RRULE:FREQ=OFTEN;WHEN=EVER', 'GEO:1.50;2', 'COMPLETED:'],
    ],
    [
      'attendees, attachments, several locations',
      [
        'DTSTART:20260105T080000Z',
        'ATTENDEE;CN="A: b";RSVP=TRUE:mailto:a@x.example',
        'ATTACH:http://x.example/a,b',
        'LOCATION:a',
        'LOCATION;LANGUAGE=de:b',
      ],
    ],
    [
      'alarms',
      [
        'DTSTART:20260105T080000Z',
        'BEGIN:VALARM',
        'ACTION:AUDIO',
        'TRIGGER;RELATED=END:-PT5M',
        'ATTACH:http://x.example',
        'END:VALARM',
        'BEGIN:VALARM',
        'ACTION:DISPLAY',
        'TRIGGER;VALUE=DATE-TIME:20260105T070000Z',
        'END:VALARM',
      ],
    ],
    [
      'changed occurrences and a zone',
      [
        'UID:1',
        'DTSTART:20260105T080000Z',
        'RRULE:FREQ=DAILY',
        'END:VEVENT',
        'BEGIN:VEVENT',
        'UID:1',
        'RECURRENCE-ID:20260106T080000Z',
        'DTSTART:20260106T090000Z',
        'END:VEVENT',
        'BEGIN:VTIMEZONE',
        'TZID:Mine',
        'BEGIN:STANDARD',
        'DTSTART:19700101T000000',
        'TZOFFSETFROM:+0100',
        'TZOFFSETTO:+0100',
        'END:STANDARD',
        'END:VTIMEZONE',
        'BEGIN:VEVENT',
        'RECURRENCE-ID:20260107T080000Z',
      ],
    ],
  ])('[PIM-7] %s come back as they were', (_, lines) => {
    const octets = calendar('2.0', 'VEVENT', ...lines)
    const written = writeContent(readContent('event', 'text/calendar', octets), {
      type: 'text/calendar',
      version: '2.0',
    })
    expect(parsedSet(written)).toEqual(parsedSet(octets))
  })

  it('[PIM-7] a task is told by its component, whatever kind was asked for', () => {
    const octets = calendar(
      '2.0',
      'VTODO',
      'SUMMARY:t',
      'DUE:20260101T080000Z',
      'STATUS:IN-PROCESS',
      'PERCENT-COMPLETE:40',
    )
    const item = readContent('event', 'text/calendar', octets)
    expect(item).toMatchObject({
      kind: 'task',
      task: { due: '2026-01-01T08:00:00', progress: 'in-process', percentComplete: 40 },
    })
    expect(parsedSet(writeContent(item, { type: 'text/calendar', version: '2.0' }))).toEqual(parsedSet(octets))
  })
})

describe('vCalendar 1.0', () => {
  it.each([
    ['D1 #5', 'FREQ=DAILY;COUNT=5'],
    ['D2 #0', 'FREQ=DAILY;INTERVAL=2'],
    ['W1 MO WE 20241231T000000Z', 'FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20241231T000000Z'],
    ['MD1 15 #0', 'FREQ=MONTHLY;BYMONTHDAY=15'],
    ['MD1 LD #3', 'FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3'],
    ['MP1 1+ MO #12', 'FREQ=MONTHLY;BYDAY=1MO;COUNT=12'],
    ['MP2 2- FR #4', 'FREQ=MONTHLY;INTERVAL=2;BYDAY=-2FR;COUNT=4'],
    ['YM1 3 #0', 'FREQ=YEARLY;BYMONTH=3'],
    ['YD1 100 #0', 'FREQ=YEARLY;BYYEARDAY=100'],
  ])('[PIM-8] %s is %s', (old, rule) => {
    expect(ruleOfOld(old)).toBe(rule)
    expect(ruleToOld(rule)).toBe(old)
  })

  it('[PIM-8] a rule that has no counterpart comes back as it was, in either direction', () => {
    const octets = calendar('1.0', 'VEVENT', 'DTSTART:20260101T080000', 'RRULE:YM1 6 W1 MO #3')
    const item = readContent('event', 'text/x-vcalendar', octets)
    expect(parsedSet(writeContent(item, { type: 'text/x-vcalendar', version: '1.0' }))).toEqual(parsedSet(octets))
    expect(Buffer.from(writeContent(item, { type: 'text/calendar', version: '2.0' })).toString()).toContain(
      '\r\nX-VCAL-RRULE:YM1 6 W1 MO #3\r\n',
    )
    const odd = readContent(
      'event',
      '',
      calendar('2.0', 'VEVENT', 'DTSTART:20260101T080000', 'RRULE:FREQ=HOURLY;BYDAY=MO'),
    )
    const there = writeContent(odd, { type: 'text/x-vcalendar', version: '1.0' })
    const back = writeContent(readContent('event', '', there), { type: 'text/calendar', version: '2.0' })
    expect(Buffer.from(back).toString()).toContain('\r\nRRULE:FREQ=HOURLY;BYDAY=MO\r\n')
  })

  it('[PIM-8] alarms, lists, words and private properties come back as they were', () => {
    const lines = [
      'DTSTART:20260101T080000Z',
      'DTEND:20260101T090000Z',
      'AALARM;TYPE=X-EPOCSOUND:20260101T075000Z;PT5M;2;z:\\sound',
      'DALARM:20260101T075500Z;;0;wake; up',
      'EXDATE:20260102T080000Z;20260103T080000Z',
      'CATEGORIES:MEETING;X-A',
      'X-EPOCAGENDAENTRYTYPE:APPOINTMENT',
      'TRANSP:0',
    ]
    const octets = calendar('1.0', 'VEVENT', ...lines)
    const item = readContent('event', 'text/x-vcalendar', octets)
    expect(item).toMatchObject({ event: { keywords: { MEETING: true, 'X-A': true }, freeBusyStatus: 'busy' } })
    expect(parsedSet(writeContent(item, { type: 'text/x-vcalendar', version: '1.0' }))).toEqual(parsedSet(octets))
    const task = calendar('1.0', 'VTODO', 'SUMMARY:t', 'STATUS:NEEDS ACTION', 'PRIORITY:1')
    expect(readContent('task', '', task)).toMatchObject({ task: { progress: 'needs-action' } })
  })

  it('[PIM-8] times of a zone are written in UTC', () => {
    const item = readContent(
      'event',
      '',
      calendar(
        '2.0',
        'VEVENT',
        'DTSTART;TZID=Europe/Berlin:20260701T080000',
        'DTEND;TZID=Europe/Berlin:20260701T090000',
      ),
    )
    expect(Buffer.from(writeContent(item, { type: 'text/x-vcalendar', version: '1.0' })).toString()).toContain(
      'DTSTART:20260701T060000Z\r\nDTEND:20260701T070000Z',
    )
  })
})

describe('times', () => {
  it('[PIM-7] zones lead there and back, also over the change of clocks', () => {
    for (const local of ['2026-01-15T12:00:00', '2026-07-15T12:00:00', '2026-03-29T04:00:00', '2026-10-25T04:00:00']) {
      for (const zone of ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Etc/UTC']) {
        const seconds = zonedToUtc(local, zone)
        expect(seconds === undefined ? undefined : utcToZoned(seconds, zone)).toBe(local)
      }
    }
    expect(zonedToUtc('2026-07-15T12:00:00', 'Europe/Berlin')).toBe(localSeconds('2026-07-15T10:00:00'))
    expect(zonedToUtc('2026-07-15T12:00:00', 'No/Where')).toBeUndefined()
  })

  it('[PIM-7] durations', () => {
    for (const text of ['PT15M', 'P1D', 'P2DT3H4M5S', 'PT0S'])
      expect(durationOf(durationSeconds(text) ?? -1)).toBe(text)
    expect([durationSeconds('-PT15M'), durationSeconds('P1W'), durationSeconds('P'), durationSeconds('PT')]).toEqual([
      -900,
      604_800,
      undefined,
      undefined,
    ])
  })
})

describe('devices that know no UTC', () => {
  const lines = [
    'SUMMARY:s',
    'DTSTART:20260701T060000Z',
    'DTEND:20260701T070000Z',
    'EXDATE:20260708T060000Z',
    'DTSTAMP:20260101T000000Z',
    'BEGIN:VALARM',
    'ACTION:DISPLAY',
    'TRIGGER:-PT15M',
    'DESCRIPTION:',
    'END:VALARM',
  ]
  const octets = calendar('2.0', 'VEVENT', ...lines)
  const device = { timeZone: 'Europe/Berlin' }
  const format = { type: 'text/x-vcalendar', version: '1.0' }

  it('[PIM-14] get local times and are read in them', () => {
    const item = readContent('event', '', octets)
    const at = writeContent(item, { ...format, ...device })
    const text = Buffer.from(at).toString()
    for (const line of [
      'DTSTART:20260701T080000',
      'DTEND:20260701T090000',
      'EXDATE:20260708T080000',
      'DALARM:20260701T074500;;0;',
      'DTSTAMP:20260101T000000Z',
    ]) {
      expect(text).toContain(`${line}\r\n`)
    }
    const back = readContent('event', '', at, device)
    expect(back).toMatchObject({
      event: {
        start: '2026-07-01T08:00:00',
        timeZone: 'Europe/Berlin',
        recurrenceOverrides: { '2026-07-08T08:00:00': { excluded: true } },
      },
    })
    expect(scanContent('event', '', at, device).matchKey).toBe(matchKey(item))
    const merged = mergeEdit(item, back, undefined, { dialect: 'vcal1.0' })
    expect(merged).toMatchObject({ event: { start: '2026-07-01T06:00:00', timeZone: 'Etc/UTC' } })
  })

  it('[PIM-11] [PIM-14] an event is the same content in UTC and in a zone', () => {
    const zoned = calendar('2.0', 'VEVENT', 'SUMMARY:s', 'DTSTART;TZID=Europe/Berlin:20260701T080000')
    const utc = calendar('2.0', 'VEVENT', 'SUMMARY:s', 'DTSTART:20260701T060000Z')
    expect(scanContent('event', '', zoned)).toEqual(scanContent('event', '', utc))
    const other = calendar('2.0', 'VEVENT', 'SUMMARY:s', 'DTSTART:20260701T080000')
    expect(scanContent('event', '', other)).not.toEqual(scanContent('event', '', utc))
  })
})
