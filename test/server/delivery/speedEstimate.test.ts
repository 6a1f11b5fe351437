/** What is made of reported speeds, and when a new plan is due. */

import { describe, expect, it } from 'vitest'
import { isReplanDue, newEstimate, observeSpeed, plannedWith } from '../../../server/delivery/speedEstimate.ts'
import fc from '../../support/properties.ts'

/** Reports a second apart at `speedAt(second)`; the first second at which a new plan is due, if any. */
function firstDue(speedAt: (second: number) => number, seconds: number): number | undefined {
  let estimate = newEstimate(1000, 0)
  for (let second = 1; second <= seconds; second++) {
    estimate = observeSpeed(estimate, { bytes: speedAt(second), busyMs: 1000 }, second * 1000)
    if (isReplanDue(estimate, second * 1000)) return second
  }
  return undefined
}

describe('[DL-13] speed', () => {
  it('is half way to the new one after two seconds, however they are reported', () => {
    const once = observeSpeed(newEstimate(1000, 0), { bytes: 1000, busyMs: 2000 }, 2000)
    const twice = [1000, 2000].reduce(
      (estimate, at) => observeSpeed(estimate, { bytes: 500, busyMs: 1000 }, at),
      newEstimate(1000, 0),
    )
    expect(once.bytesPerSecond).toBeCloseTo(750, 9)
    expect(twice.bytesPerSecond).toBeCloseTo(750, 9)
  })

  it('that halves, or stalls, or doubles, is noticed within six seconds', () => {
    expect(firstDue((second) => (second > 10 ? 500 : 1000), 20)).toBeLessThanOrEqual(16)
    expect(firstDue((second) => (second > 10 ? 0 : 1000), 20)).toBeLessThanOrEqual(14)
    expect(firstDue((second) => (second > 10 ? 2000 : 1000), 20)).toBeLessThanOrEqual(16)
  })

  it('that only wavers never asks for a plan', () => {
    const noise = fc.array(fc.double({ min: -0.19, max: 0.24, noNaN: true }), { minLength: 50, maxLength: 50 })
    fc.assert(fc.property(noise, (factors) => firstDue((s) => 1000 * (1 + (factors[s - 1] ?? 0)), 50) === undefined))
  })

  it('of a link that waited says nothing, and a dip of a second is none', () => {
    const waited = observeSpeed(newEstimate(1000, 0), { bytes: 0, busyMs: 0 }, 5000)
    expect(waited).toEqual(newEstimate(1000, 0))
    expect(firstDue((second) => (second === 9 ? 300 : 1000), 30)).toBeUndefined()
  })

  it('asks no more once a plan counts on it', () => {
    const slow = [1, 2, 3, 4, 5].reduce(
      (estimate, s) => observeSpeed(estimate, { bytes: 100, busyMs: 1000 }, s * 1000),
      newEstimate(1000, 0),
    )
    expect(isReplanDue(slow, 5000)).toBe(true)
    const planned = plannedWith(slow, 5000)
    expect(planned.plannedBytesPerSecond).toBe(slow.bytesPerSecond)
    expect(isReplanDue(planned, 60_000)).toBe(false)
  })
})
