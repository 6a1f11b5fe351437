/** The schedule's decisions, with a clock that is an argument, over days on which local clocks jump. */

import { describe, expect, it } from 'vitest'
import { parseCron } from '../../../device-client/node/cron.ts'
import {
  type AgentState,
  jitterOf,
  nextRun,
  nextSlot,
  runSpan,
  type ScheduleState,
  settledUntil,
  TOLERANCE_MS,
} from '../../../device-client/schedule/nextRun.ts'
import {
  type BackupPreferences,
  DEFAULT_PREFERENCES,
  formatWindow,
  isInWindow,
  parseWindow,
} from '../../../device-client/schedule/preferences.ts'
import { localTimeOf, momentOf } from '../../../device-client/schedule/wallClock.ts'
import fc from '../../support/properties.ts'

const berlin = 'Europe/Berlin'
const at = (text: string) => Date.parse(text)
const iso = (ms: number | undefined) => (ms === undefined ? 'never' : new Date(ms).toISOString())

const agent: AgentState = { runningSince: at('2026-01-01T00:00Z'), deviceId: 'till-1', timeZone: berlin }
const nightly: BackupPreferences = { ...DEFAULT_PREFERENCES, jitterMs: 0 }
const state = (doneUntil: string, failure?: ScheduleState['failure']): ScheduleState => ({
  doneUntil: at(doneUntil),
  ...(failure === undefined ? {} : { failure }),
})
const plan = (preferences: BackupPreferences, from: ScheduleState, now: string, who = agent) =>
  nextRun(preferences, parseCron(preferences.cron), from, who, at(now))

describe('slots', () => {
  it.each([
    ['0 2 * * *', '2026-11-21T12:00Z', '2026-11-22T01:00:00.000Z', 'an ordinary night'],
    ['30 2 * * *', '2026-03-28T12:00Z', '2026-03-29T01:00:00.000Z', 'a time the clock jumps over: the jump'],
    ['30 2 * * *', '2026-10-24T12:00Z', '2026-10-25T00:30:00.000Z', 'a time that comes twice: the first'],
    ['30 2 * * *', '2026-10-25T00:30Z', '2026-10-26T01:30:00.000Z', 'a time that comes twice: not the second'],
    ['0 0 * * *', '2026-03-28T22:59Z', '2026-03-28T23:00:00.000Z', 'midnight before a jump'],
    ['0 3 * * 1-5', '2026-11-20T12:00Z', '2026-11-23T02:00:00.000Z', 'working days only'],
    ['0 3 L * *', '2026-02-01T12:00Z', '2026-02-28T02:00:00.000Z', 'last day of the month'],
    ['0 3 29 2 *', '2026-02-01T12:00Z', '2028-02-29T02:00:00.000Z', 'leap day'],
    ['*/20 22-23 * * *', '2026-11-21T21:20Z', '2026-11-21T21:40:00.000Z', 'several a day'],
  ])('[DC-30] %s after %s is %s (%s)', (expression, after, expected) => {
    expect(iso(nextSlot(parseCron(expression), berlin, at(after)))).toBe(expected)
  })

  it('[DC-30] every slot lies after the moment asked and shows a time of the expression, or the jump over it', () => {
    const zones = ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Pacific/Apia', 'UTC']
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: at('2026-01-01T00:00Z'), max: at('2028-01-01T00:00Z') }),
        fc.integer({ min: 0, max: 1439 }),
        (zone, after, minute) => {
          const found = nextSlot({ minutes: [minute], matchesDay: () => true }, zone, after)
          expect(found).toBeGreaterThan(after)
          expect((found ?? 0) - after).toBeLessThanOrEqual(26 * 3_600_000)
          const shown = localTimeOf(found ?? 0, zone).minute
          // Never earlier than asked, and later only by a jump of the clock.
          expect(shown).toBeGreaterThanOrEqual(minute)
          expect(shown - minute).toBeLessThanOrEqual(60)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('[DC-30] a local time and its moment are the same, whatever the zone', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu', 'UTC'),
        fc.integer({ min: 0, max: at('2035-01-01T00:00Z') / 60_000 }),
        (zone, minutes) => {
          const local = localTimeOf(minutes * 60_000, zone)
          expect(localTimeOf(momentOf(local, zone), zone)).toEqual(local)
        },
      ),
    )
  })

  it('a wrong expression is refused with its field', () => {
    expect(() => parseCron('61 2 * * *')).toThrow(/minute/)
    expect(() => parseCron('0 0 2 * * *')).toThrow(/five fields/)
    expect(() => parseCron('0 3 31 2 *')).toThrow(/impossible day/)
  })
})

describe('runs', () => {
  it('[DC-31] a run is planned until it is more than a minute late', () => {
    const due = at('2026-11-22T01:00Z')
    const waiting = plan(nightly, state('2026-11-21T12:00Z'), '2026-11-21T12:00Z')
    expect(waiting).toEqual({ kind: 'planned', at: due, slot: due })
    expect(nextRun(nightly, parseCron(nightly.cron), state('2026-11-21T12:00Z'), agent, due + TOLERANCE_MS).kind).toBe(
      'planned',
    )
    expect(
      nextRun(nightly, parseCron(nightly.cron), state('2026-11-21T12:00Z'), agent, due + TOLERANCE_MS + 1).kind,
    ).toBe('catch-up')
  })

  it('[DC-31] a disabled database has no run', () => {
    expect(plan({ ...nightly, enabled: false }, state('2026-11-21T12:00Z'), '2026-11-25T12:00Z')).toEqual({
      kind: 'never',
    })
  })

  it.each([
    ['the agent was not running', { runningSince: at('2026-11-24T07:00Z') }, undefined, 'agent-not-running'],
    ['the machine slept', {}, undefined, 'machine-asleep'],
    ['another database took long', { busyUntil: at('2026-11-22T03:00Z') }, undefined, 'agent-busy'],
    ['the server was away', {}, 'server-unreachable', 'server-unreachable'],
    ['the application held the database', {}, 'database-locked', 'database-locked'],
  ] as const)('[DC-33] missed nights are caught up at once, and it says why: %s', (_name, more, failure, reason) => {
    const failed = failure === undefined ? undefined : { at: at('2026-11-22T01:00Z'), reason: failure, attempts: 1 }
    const found = plan(nightly, state('2026-11-21T12:00Z', failed), '2026-11-24T08:00Z', { ...agent, ...more })
    const due = at('2026-11-22T01:00Z')
    const now = at('2026-11-24T08:00Z')
    expect(found).toEqual({ kind: 'catch-up', at: now, slot: due, plannedAt: due, reason, waitsForWindow: false })
  })

  it('[DC-33] several missed nights are one run', () => {
    const cron = parseCron(nightly.cron)
    const now = at('2026-11-24T08:00Z')
    const settled = settledUntil(cron, berlin, at('2026-11-22T01:00Z'), now)
    expect(settled).toBe(now)
    expect(plan(nightly, { doneUntil: settled }, '2026-11-24T08:01Z')).toMatchObject({
      kind: 'planned',
      at: at('2026-11-25T01:00Z'),
    })
    expect(settledUntil(cron, berlin, at('2026-11-24T01:00Z'), now)).toBe(at('2026-11-24T01:00Z'))
  })

  it('[DC-33] failed attempts come again with growing pauses', () => {
    const pause = (attempts: number) => {
      const failure = { at: at('2026-11-22T01:00Z'), reason: 'server-unreachable' as const, attempts }
      const found = plan(nightly, state('2026-11-21T12:00Z', failure), '2026-11-22T01:00Z')
      return found.kind === 'never' ? -1 : (found.at - failure.at) / 60_000
    }
    expect([1, 2, 3, 4, 5, 6, 20].map(pause)).toEqual([1, 2, 4, 8, 16, 30, 30])
  })

  it('[DC-32] a slot outside the window moves to its opening; a missed run waits for it', () => {
    const noon = { ...nightly, cron: '0 12 * * *', window: parseWindow('22:00-06:00') }
    expect(plan(noon, state('2026-11-21T00:00Z'), '2026-11-21T01:00Z')).toMatchObject({
      kind: 'planned',
      at: at('2026-11-21T21:00Z'),
    })
    const late = plan({ ...nightly, window: noon.window }, state('2026-11-21T00:00Z'), '2026-11-21T09:00Z')
    expect(late).toMatchObject({
      kind: 'catch-up',
      at: at('2026-11-21T21:00Z'),
      reason: 'machine-asleep',
      waitsForWindow: true,
    })
  })

  it('[DC-32] every run with a window lies in it, jitter or not', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 23 }),
        fc.integer({ min: 1, max: 23 }),
        fc.integer({ min: 0, max: 1439 }),
        fc.integer({ min: 0, max: 6 * 3_600_000 }),
        fc.integer({ min: at('2026-03-01T00:00Z'), max: at('2026-12-01T00:00Z') }),
        fc.string(),
        (open, length, minute, jitterMs, now, deviceId) => {
          const window = { afterMinute: open * 60, beforeMinute: ((open + length) % 24) * 60 }
          const preferences = { ...nightly, window, jitterMs }
          const cron = { minutes: [minute], matchesDay: () => true }
          const found = nextRun(preferences, cron, { doneUntil: now }, { ...agent, deviceId }, now)
          if (found.kind === 'never') throw new Error('a daily run never comes')
          expect(isInWindow(window, localTimeOf(found.at, berlin).minute)).toBe(true)
          expect(found.at).toBeGreaterThan(now)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('[DC-32] jitter is stable for a device and day, spread over a fleet, and within its bound', () => {
    const day = { year: 2026, month: 11, day: 22, minute: 0 }
    const fleet = Array.from({ length: 200 }, (_, index) => jitterOf(`device-${index}`, day, 3_600_000))
    expect(jitterOf('device-7', day, 3_600_000)).toBe(fleet[7])
    expect(Math.max(...fleet)).toBeLessThan(3_600_000)
    expect(new Set(fleet.map((ms) => Math.floor(ms / 600_000))).size).toBe(6)
  })

  it('[DC-32] windows are written and read alike; nonsense is refused', () => {
    expect(formatWindow(parseWindow('22:00-06:00'))).toBe('22:00-06:00')
    for (const wrong of ['22-6', '25:00-06:00', '22:60-06:00', '06:00-06:00'])
      expect(() => parseWindow(wrong)).toThrow(/window/)
  })
})

describe('what the server suggests', () => {
  const window = parseWindow('22:00-06:00')
  const withWindow: BackupPreferences = { ...DEFAULT_PREFERENCES, window }
  const spanOf = (preferences: BackupPreferences, slot: string) =>
    runSpan(at(slot), preferences, parseCron(preferences.cron), berlin)

  it('[DC-120] a run may be until the window closes, or as long as jitter puts it off', () => {
    const told = (preferences: BackupPreferences, slot = '2026-11-22T01:00Z') => {
      const span = spanOf(preferences, slot)
      return span && [iso(span.from), iso(span.until)]
    }
    expect(told(withWindow)).toEqual(['2026-11-22T01:00:00.000Z', '2026-11-22T04:59:00.000Z'])
    expect(told(DEFAULT_PREFERENCES)).toEqual(['2026-11-22T01:00:00.000Z', '2026-11-22T02:00:00.000Z'])
    expect(told({ ...withWindow, cron: '0 12 * * *' }, '2026-11-22T11:00Z')).toEqual([
      ...['2026-11-22T21:00:00.000Z', '2026-11-23T04:59:00.000Z'],
    ])
    expect(told({ ...withWindow, cron: '0 * * * *' })).toEqual(['2026-11-22T01:00:00.000Z', '2026-11-22T01:59:00.000Z'])
    expect(told({ ...withWindow, jitterMs: 0 })).toBeUndefined()
  })

  it('[DC-121] a suggestion counts where the run may be, and nowhere else', () => {
    const run = (suggestedAt: string, preferences = withWindow) => {
      const found = plan(
        preferences,
        { ...state('2026-11-21T12:00Z'), suggestedAt: at(suggestedAt) },
        '2026-11-21T20:00Z',
      )
      return found.kind === 'never' ? 'never' : iso(found.at)
    }
    const usual = run('2026-01-01T00:00Z')
    expect(run('2026-11-22T04:13:20Z')).toBe('2026-11-22T04:13:20.000Z')
    for (const outside of ['2026-11-22T00:59Z', '2026-11-22T05:00Z', '2026-11-23T04:13Z', '2026-11-21T04:13Z'])
      expect(run(outside), outside).toBe(usual)
    expect(run('2026-11-22T04:13Z', { ...withWindow, jitterMs: 0 })).toBe('2026-11-22T01:00:00.000Z')
  })

  it('[DC-121] is never outside of where the run may be, whatever is suggested', () => {
    fc.assert(
      fc.property(fc.integer({ min: -200, max: 200 }), (minutes) => {
        const suggestedAt = at('2026-11-22T02:00Z') + minutes * 60_000
        const found = plan(withWindow, { ...state('2026-11-21T12:00Z'), suggestedAt }, '2026-11-21T20:00Z')
        const span = spanOf(withWindow, '2026-11-22T01:00Z')
        expect(found.kind === 'planned' && found.at >= (span?.from ?? 0) && found.at <= (span?.until ?? 0)).toBe(true)
      }),
    )
  })

  it('[DC-122] puts off no run that was missed or failed', () => {
    const suggested = { suggestedAt: at('2026-11-22T04:00Z') }
    const missed = plan(withWindow, { ...state('2026-11-21T12:00Z'), ...suggested }, '2026-11-22T04:30Z')
    expect(missed).toMatchObject({ kind: 'catch-up', at: at('2026-11-22T04:30Z') })
    const failure = { at: at('2026-11-22T04:00Z'), reason: 'server-busy' as const, attempts: 1 }
    const failed = plan(withWindow, { ...state('2026-11-21T12:00Z', failure), ...suggested }, '2026-11-22T04:00:30Z')
    expect(failed).toMatchObject({ kind: 'catch-up', at: at('2026-11-22T04:01Z') })
  })

  it('[DC-125] after a quota the next try is six hours later', () => {
    const failure = { at: at('2026-11-22T01:00Z'), reason: 'quota-exceeded' as const, attempts: 1 }
    const found = plan(nightly, state('2026-11-21T12:00Z', failure), '2026-11-22T01:00Z')
    expect(found).toMatchObject({ kind: 'catch-up', at: at('2026-11-22T07:00Z'), reason: 'quota-exceeded' })
  })
})
