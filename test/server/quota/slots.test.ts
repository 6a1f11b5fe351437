/** Slots: within the window, even whatever the windows are, and stable from night to night. */

import { describe, expect, it } from 'vitest'
import { chooseSlot, MINUTE_MS, spreadOf } from '../../../server/quota/chooseSlot.ts'
import { createSlots } from '../../../server/quota/slots.ts'
import fc from '../../support/properties.ts'

const night = Math.floor(Date.parse('2026-11-21T18:00Z') / MINUTE_MS)
const spanArb = fc
  .record({ start: fc.nat({ max: 600 }), length: fc.integer({ min: 10, max: 480 }) })
  .map(({ start, length }) => ({ from: (night + start) * MINUTE_MS, until: (night + start + length) * MINUTE_MS }))

/** The least that the fullest minute can have: no interval can give its windows more room than it has minutes. */
function leastPeak(spans: readonly { from: number; until: number }[]): number {
  const minutes = 1200
  const ending: number[][] = Array.from({ length: minutes }, () => [])
  for (const { from, until } of spans) ending[until / MINUTE_MS - night]?.push(from / MINUTE_MS - night)
  let least = 0
  for (let start = 0; start < minutes; start++) {
    let inside = 0
    for (let end = start + 1; end < minutes; end++) {
      for (const from of ending[end] ?? []) if (from >= start) inside++
      least = Math.max(least, inside / (end - start))
    }
  }
  return least
}

function peakOf(slots: readonly number[]): number {
  const counts = new Map<number, number>()
  for (const slot of slots) {
    const minute = Math.floor(slot / MINUTE_MS)
    counts.set(minute, (counts.get(minute) ?? 0) + 1)
  }
  return Math.max(...counts.values())
}

describe('the choice', () => {
  it('[QT-11] lies in the window, in a minute that has least', () => {
    fc.assert(
      fc.property(
        spanArb,
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        fc.array(fc.nat({ max: 3 })),
        (span, at, loads) => {
          const loadAt = (minute: number): number => loads[minute % Math.max(1, loads.length)] ?? 0
          const slot = chooseSlot(span, at, loadAt)
          expect(slot).toBeGreaterThanOrEqual(span.from)
          expect(slot).toBeLessThan(span.until)
          const minutes = Array.from(
            { length: (span.until - span.from) / MINUTE_MS },
            (_, i) => span.from / MINUTE_MS + i,
          )
          expect(loadAt(Math.floor(slot / MINUTE_MS))).toBe(Math.min(...minutes.map(loadAt)))
        },
      ),
    )
    expect(chooseSlot({ from: 90_000, until: 100_000 }, 0.5, () => 0)).toBe(90_000)
  })

  it('[QT-11] names that differ little are spread all over', () => {
    const counts = new Array<number>(10).fill(0)
    for (let i = 0; i < 10_000; i++) {
      const bucket = Math.floor(spreadOf(`["account","device-${i}","./databases/app"]`) * 10)
      counts[bucket] = (counts[bucket] ?? 0) + 1
    }
    expect(Math.min(...counts)).toBeGreaterThan(850)
    expect(Math.max(...counts)).toBeLessThan(1150)
  })
})

describe('10,000 devices', () => {
  it.each([
    ['windows of any place and length', (span: { from: number; until: number }) => span],
    [
      'half of them in the same hour',
      (span: { from: number; until: number }, device: number) =>
        device % 2 === 0 ? { from: (night + 480) * MINUTE_MS, until: (night + 540) * MINUTE_MS } : span,
    ],
  ])(
    '[QT-11] %s: no minute has much more than it must, in the first night and in the third',
    { timeout: 60_000 },
    (_, shape) => {
      const spans = fc.sample(spanArb, 10_000).map((span, device) => shape(span, device))
      const least = leastPeak(spans)
      let now = night * MINUTE_MS
      const slots = createSlots(() => now)
      for (let nights = 0; nights < 3; nights++) {
        const dayMs = nights * 1440 * MINUTE_MS
        const given = spans.map(({ from, until }, device) => {
          slots.began()
          return slots.plan(`device ${device}`, { from: from + dayMs, until: until + dayMs })
        })
        expect(
          given.every((slot, at) => slot >= (spans[at]?.from ?? 0) + dayMs && slot < (spans[at]?.until ?? 0) + dayMs),
        ).toBe(true)
        expect(peakOf(given)).toBeLessThanOrEqual(1.5 * least + 3)
        now = (night + (nights + 1) * 1440 - 60) * MINUTE_MS
      }
    },
  )

  it('[QT-11] sessions that come without a slot are left their minutes', () => {
    let now = night * MINUTE_MS
    const slots = createSlots(() => now)
    // Phones come each night in the first ten minutes of the window.
    for (let nights = 0; nights < 4; nights++) {
      for (let minute = 0; minute < 10; minute++) {
        now = (night + nights * 1440 + minute) * MINUTE_MS
        for (let phone = 0; phone < 50; phone++) slots.began()
      }
    }
    now = (night + 4 * 1440 - 30) * MINUTE_MS
    const from = (night + 4 * 1440) * MINUTE_MS
    const given = Array.from({ length: 400 }, (_, device) =>
      slots.plan(`d${device}`, { from, until: from + 60 * MINUTE_MS }),
    )
    expect(given.filter((slot) => slot < from + 10 * MINUTE_MS)).toEqual([])
  })

  it('[QT-12] what is remembered is bounded, and a device has one slot however often it comes', () => {
    const slots = createSlots(() => night * MINUTE_MS, 100)
    const span = { from: night * MINUTE_MS, until: (night + 10) * MINUTE_MS }
    const total = () =>
      Array.from({ length: 10 }, (_, at) => slots.loadAt(night + at)).reduce((sum, load) => sum + load, 0)
    for (let i = 0; i < 50; i++) slots.plan('one', span)
    expect(total()).toBe(1)
    for (let i = 0; i < 500; i++) slots.plan(`d${i}`, span)
    expect(total()).toBe(100)
  })
})
