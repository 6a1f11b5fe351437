/** Which points stay: what each rule keeps, alone and together, and that no order of points matters. Rule TM-9. */

import { describe, expect, it } from 'vitest'
import { isDailyDue } from '../../../server/timeMachine/dailyAt.ts'
import { decideRetention, parseRetention } from '../../../server/timeMachine/retention.ts'
import fc from '../../support/properties.ts'

const at = (text: string) => ({ token: text, takenAt: Date.parse(text) })
const NOW = Date.parse('2026-11-21T12:00Z')

/** Tokens and reasons of the points that stay, newest first. */
function kept(policy: string, points: readonly { token: string; takenAt: number; isPinned?: boolean }[]): string[] {
  return decideRetention(points, parseRetention(policy.split(',')), NOW)
    .filter(({ reasons }) => reasons.length > 0)
    .map(({ point, reasons }) => `${point.token} ${reasons.join('+')}`)
}

const POINTS = [
  '2024-12-30T02:00Z',
  '2024-12-31T02:00Z',
  '2025-01-01T02:00Z',
  '2026-10-31T23:59Z',
  '2026-11-01T00:00Z',
  '2026-11-15T23:59Z',
  '2026-11-16T00:00Z',
  '2026-11-20T02:00Z',
  '2026-11-20T23:00Z',
  '2026-11-21T02:00Z',
  '2026-11-21T02:40Z',
].map(at)

describe('[TM-9] which points stay', () => {
  it.each([
    ['last=2', ['2026-11-21T02:40Z newest+last', '2026-11-21T02:00Z last']],
    ['within=14', ['2026-11-21T02:40Z newest+within', '2026-11-21T02:00Z within', '2026-11-20T23:00Z within']],
    ['hourly=2', ['2026-11-21T02:40Z newest+hourly', '2026-11-20T23:00Z hourly']],
    ['daily=3', ['2026-11-21T02:40Z newest+daily', '2026-11-20T23:00Z daily', '2026-11-16T00:00Z daily']],
    // Monday begins a week; the last days of 2024 are in the first week of 2025.
    [
      'weekly=9',
      [
        '2026-11-21T02:40Z newest+weekly',
        '2026-11-15T23:59Z weekly',
        '2026-11-01T00:00Z weekly',
        '2025-01-01T02:00Z weekly',
      ],
    ],
    ['monthly=3', ['2026-11-21T02:40Z newest+monthly', '2026-10-31T23:59Z monthly', '2025-01-01T02:00Z monthly']],
    ['yearly=9', ['2026-11-21T02:40Z newest+yearly', '2025-01-01T02:00Z yearly', '2024-12-31T02:00Z yearly']],
    [
      'last=1,daily=2,yearly=2',
      ['2026-11-21T02:40Z newest+last+daily+yearly', '2026-11-20T23:00Z daily', '2025-01-01T02:00Z yearly'],
    ],
  ])('%s', (policy, expected) => {
    expect(kept(policy, POINTS)).toEqual(expected)
    expect(kept(policy, POINTS.toReversed())).toEqual(expected)
  })

  it('pinned ones', () => {
    expect(kept('last=1', [{ ...at('2020-01-01T00:00Z'), isPinned: true }, ...POINTS])).toEqual([
      '2026-11-21T02:40Z newest+last',
      '2020-01-01T00:00Z pinned',
    ])
  })

  it('no more than the policy says, the newest always, and dropping the others changes nothing', () => {
    const times = fc.uniqueArray(fc.integer({ min: 0, max: 3_000_000_000 }), { minLength: 1, maxLength: 60 })
    const count = fc.integer({ min: 0, max: 5 })
    fc.assert(
      fc.property(times, fc.record({ last: count, hourly: count, daily: count, weekly: count }), (found, some) => {
        const policy = { within: 0, monthly: 0, yearly: 0, ...some }
        const points = found.map((seconds) => ({ token: String(seconds), takenAt: seconds * 1000 }))
        const verdicts = decideRetention(points, policy, NOW)
        const stay = verdicts.filter(({ reasons }) => reasons.length > 0).map(({ point }) => point)
        expect(verdicts).toHaveLength(points.length)
        expect(stay[0]?.takenAt).toBe(Math.max(...found) * 1000)
        expect(stay.length).toBeLessThanOrEqual(1 + some.last + some.hourly + some.daily + some.weekly)
        const again = decideRetention(stay, policy, NOW)
        expect(again.every(({ reasons }) => reasons.length > 0)).toBe(true)
      }),
    )
  })

  it.each(['daily', 'daily=x', 'daily=-1', 'often=3', 'daily=1=2', ''])('refuses the policy %j', (policy) => {
    expect(() => parseRetention([policy])).toThrow(/does not say which restore points to keep/)
  })
})

it('[TM-9] refuses a policy that would drop everything', () => {
  for (const parts of [[], ['last=0', 'daily=0']])
    expect(() => parseRetention(parts)).toThrow(/keeps no restore points/)
})

describe('[TM-10] once a day', () => {
  const local = (day: number, hour: number, minute = 0): number => new Date(2026, 10, day, hour, minute).getTime()

  it.each([
    ['not before the hour', local(20, 4), local(21, 2, 59), false],
    ['at the hour', local(20, 4), local(21, 3), true],
    ['late, after a day without', local(19, 4), local(21, 2), true],
    ['not twice', local(21, 3), local(21, 23), false],
    ['not for a server that started after it', local(21, 3, 1), local(21, 4), false],
  ])('%s', (_, last, now, expected) => {
    expect(isDailyDue(last, now, 3)).toBe(expected)
  })
})
