/** The strategies: each segment once, within all limits, and nothing better among all placements of small cases. */

import { describe, expect, it } from 'vitest'
import { lowerBound } from '../../../server/delivery/lowerBound.ts'
import { placeLargest } from '../../../server/delivery/placeLargest.ts'
import { emptyWorkload, figuresOf, openProblem, type PlacementProblem } from '../../../server/delivery/placement.ts'
import { STRATEGIES } from '../../../server/delivery/planDelivery.ts'
import type { Placement } from '../../../server/delivery/solve.ts'
import {
  bestOfAll,
  devicesArbitrary,
  PLANS,
  problemArbitrary,
  segmentsArbitrary,
} from '../../support/deliveryArbitrary.ts'
import fc from '../../support/properties.ts'

const SMALL = { segments: 6, links: 4 }
const LARGE = { segments: 60, links: 9 }
const names = Object.keys(STRATEGIES) as (keyof typeof STRATEGIES)[]

/** Each segment lies at a link whose device takes it, and no device draws more than it may. */
function expectSound(problem: PlacementProblem, placement: Placement): void {
  if (placement.kind === 'impossible') return
  const drawn = problem.devices.map(() => 0)
  expect(placement.work.linkOf).toHaveLength(problem.segments.length)
  for (const [segment, link] of placement.work.linkOf.entries()) {
    const device = problem.deviceOf[link] ?? -1
    const { sizeBytes = 0, type = '' } = problem.segments[segment] ?? {}
    expect(problem.devices[device]?.dataTypes ?? [type]).toContain(type)
    drawn[device] = (drawn[device] ?? 0) + sizeBytes
  }
  for (const [device, { roomBytes }] of problem.devices.entries()) expect(drawn[device]).toBeLessThanOrEqual(roomBytes)
}

describe.each(names)('%s', (name) => {
  const strategy = STRATEGIES[name]

  it('[DL-5, DL-8] places each segment once, within all limits, or says truly why not', { timeout: 600_000 }, () => {
    fc.assert(
      fc.property(problemArbitrary(SMALL), (problem) => {
        const placement = strategy(problem)
        expectSound(problem, placement)
        const isPossible = bestOfAll(problem).seconds < Number.POSITIVE_INFINITY
        expect(placement.kind).toBe(isPossible ? 'placed' : 'impossible')
        if (placement.kind === 'impossible') expect(placement.proven).toBe(true)
      }),
      { numRuns: PLANS },
    )
  })

  it('[DL-5, DL-8] also if there are many segments', { timeout: 600_000 }, () => {
    fc.assert(
      fc.property(problemArbitrary(LARGE), (problem) => {
        const placement = strategy(problem)
        expectSound(problem, placement)
        if (problem.devices.every(({ roomBytes }) => roomBytes === Number.POSITIVE_INFINITY))
          expect(placement.kind).toBe('placed')
      }),
      { numRuns: PLANS },
    )
  })
})

describe('the best there is', () => {
  it.each(['time', 'cost'] as const)(
    '[DL-5, DL-6, DL-7] by %s, of all placements',
    { timeout: 600_000 },
    (objective) => {
      fc.assert(
        fc.property(problemArbitrary(SMALL), (problem) => {
          const placement = STRATEGIES[objective === 'time' ? 'shortestTime' : 'lowestCost'](problem)
          if (placement.kind === 'impossible') return
          const found = figuresOf(problem, placement.work)
          const best = bestOfAll(problem)
          if (objective === 'time') expect(found.seconds).toBeCloseTo(best.seconds, 9)
          else expect(found.cost).toBeCloseTo(best.cost, 9)
          expect(placement.optimal).toBe(true)
          expect(lowerBound(problem, 'time')).toBeLessThanOrEqual(best.seconds + 1e-9)
          expect(lowerBound(problem, 'cost')).toBeLessThanOrEqual(best.cost + 1e-9)
        }),
        { numRuns: PLANS },
      )
    },
  )

  it.each(['time', 'cost'] as const)(
    '[DL-6] by %s, of one size, whatever limits and types',
    { timeout: 600_000 },
    (objective) => {
      const device = fc.record({
        slots: fc.nat(3),
        speed: fc.constantFrom(1, 2, 3, 5),
        cost: fc.nat(3),
        types: fc.subarray([...'abc']),
      })
      const types = fc.array(fc.constantFrom(...'abc'), { minLength: 1, maxLength: 6 })
      fc.assert(
        fc.property(fc.array(device, { minLength: 2, maxLength: 4 }), types, (devices, each) => {
          const { problem } = openProblem(
            each.map((type, number) => ({ number, sizeBytes: 10, priority: 0, type })),
            devices.map(({ slots, speed, cost, types: dataTypes }, number) => ({
              deviceId: `d${number}`,
              links: [{ linkId: 'l', bytesPerSecond: speed, costPerByte: cost }],
              roomBytes: slots * 10,
              dataTypes,
            })),
          )
          const placement = STRATEGIES[objective === 'time' ? 'shortestTime' : 'lowestCost'](problem)
          const best = bestOfAll(problem)
          expect(placement).toMatchObject(
            best.cost < Number.POSITIVE_INFINITY
              ? { kind: 'placed', optimal: true }
              : { kind: 'impossible', proven: true },
          )
          if (placement.kind === 'impossible') return
          const found = figuresOf(problem, placement.work)
          if (objective === 'time') expect(found.seconds).toBeCloseTo(best.seconds, 9)
          else expect(found.cost).toBeCloseTo(best.cost, 9)
        }),
        { numRuns: PLANS },
      )
    },
  )

  it('[DL-6] of one size, or all but the last, at any number', { timeout: 600_000 }, () => {
    const counts = fc.tuple(fc.integer({ min: 2, max: 400 }), fc.integer({ min: 1, max: 8 }))
    fc.assert(
      fc.property(counts, devicesArbitrary(6, { limits: false, types: false }), ([count, last], devices) => {
        const segments = Array.from({ length: count }, (_, number) => ({
          number,
          sizeBytes: number === count - 1 ? last : 8,
          priority: 0,
          type: 'database',
        }))
        const { problem } = openProblem(segments, devices)
        const placement = STRATEGIES.shortestTime(problem)
        expect(placement).toMatchObject({ kind: 'placed', optimal: true })
        if (placement.kind === 'placed')
          expect(figuresOf(problem, placement.work).seconds).toBeCloseTo(earliestEnd(problem, count - 1, 8, last), 9)
      }),
      { numRuns: PLANS },
    )
  })

  it('[DL-7] of other sizes, no later than the bound', { timeout: 600_000 }, () => {
    fc.assert(
      fc.property(segmentsArbitrary(60), devicesArbitrary(9, { limits: false, types: false }), (segments, devices) => {
        const { problem } = openProblem(segments, devices)
        const work = emptyWorkload(problem)
        expect(placeLargest(problem, work, 'time')).toBe(true)
        const links = devices.flatMap((device) => device.links)
        const speed = links.reduce((sum, { bytesPerSecond }) => sum + bytesPerSecond, 0)
        const largest = Math.max(...segments.map(({ sizeBytes }) => sizeBytes))
        const bound = lowerBound(problem, 'time') + ((links.length - 1) * largest) / speed
        expect(figuresOf(problem, work).seconds).toBeLessThanOrEqual(bound + 1e-9)
        const placement = STRATEGIES.shortestTime(problem)
        if (placement.kind === 'placed')
          expect(figuresOf(problem, placement.work).seconds).toBeLessThanOrEqual(bound + 1e-9)
      }),
      { numRuns: PLANS },
    )
  })

  it('[DL-6] the more urgent of one size is never there later', { timeout: 600_000 }, () => {
    fc.assert(
      fc.property(segmentsArbitrary(40), devicesArbitrary(6, { limits: false, types: false }), (segments, devices) => {
        const equal = segments.map((segment) => ({ ...segment, sizeBytes: 8 }))
        const { problem } = openProblem(equal, devices)
        const placement = STRATEGIES.shortestTime(problem)
        if (placement.kind === 'impossible') throw new Error('nothing limits it')
        const ends = endsOf(problem, placement.work.linkOf)
        const inOrder = [...equal.keys()].sort((a, b) => (equal[a]?.priority ?? 0) - (equal[b]?.priority ?? 0) || a - b)
        for (const [place, segment] of inOrder.entries()) {
          const earlier = ends[inOrder[place - 1] ?? segment] ?? 0
          expect(earlier).toBeLessThanOrEqual((ends[segment] ?? 0) + 1e-9)
        }
      }),
      { numRuns: PLANS },
    )
  })
})

describe('shares', () => {
  it.each(['bandwidthProportional', 'half'] as const)(
    '[DL-9] %s: less than a segment off',
    { timeout: 600_000 },
    (name) => {
      fc.assert(
        fc.property(
          segmentsArbitrary(60),
          devicesArbitrary(9, { limits: false, types: false }),
          (segments, devices) => {
            const { problem } = openProblem(segments, devices)
            const placement = STRATEGIES[name](problem)
            if (placement.kind === 'impossible') throw new Error('nothing limits it')
            const total = segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
            const largest = Math.max(...segments.map(({ sizeBytes }) => sizeBytes))
            const speeds = devices.map(({ links }) =>
              links.reduce((sum, { bytesPerSecond }) => sum + bytesPerSecond, 0),
            )
            const all = speeds.reduce((sum, speed) => sum + speed, 0)
            for (const [device, speed] of speeds.entries()) {
              const share = name === 'half' ? total / devices.length : (total * speed) / all
              const bytes = problem.deviceOf.reduce(
                (sum, owner, link) => sum + (owner === device ? (placement.work.loadBytes[link] ?? 0) : 0),
                0,
              )
              expect(Math.abs(bytes - share)).toBeLessThanOrEqual(largest + 1e-9)
            }
          },
        ),
        { numRuns: PLANS },
      )
    },
  )

  it('[DL-9] oddEven: in turn', { timeout: 600_000 }, () => {
    fc.assert(
      fc.property(segmentsArbitrary(60), devicesArbitrary(9, { limits: false, types: false }), (segments, devices) => {
        const { problem } = openProblem(segments, devices)
        const placement = STRATEGIES.oddEven(problem)
        if (placement.kind === 'impossible') throw new Error('nothing limits it')
        expect([...placement.work.linkOf].map((link) => problem.deviceOf[link])).toEqual(
          segments.map(({ number }) => number % devices.length),
        )
      }),
      { numRuns: PLANS },
    )
  })
})

/** When `count` segments and one smaller can be through: the least moment at which the links have slots for them. */
function earliestEnd(problem: PlacementProblem, count: number, size: number, last: number): number {
  const links = [...problem.deviceOf.keys()]
  const slots = (link: number, seconds: number): number =>
    Math.floor(seconds / (problem.secondsPerByte[link] ?? 1) / size + 1e-9)
  const moments = links.flatMap((link) =>
    Array.from({ length: count + 2 }, (_, nth) => [nth * size, nth * size + last]).flatMap((loads) =>
      loads.map((load) => load * (problem.secondsPerByte[link] ?? 1)),
    ),
  )
  const suffices = (seconds: number): boolean => {
    const all = links.reduce((sum, link) => sum + slots(link, seconds), 0)
    return links.some((link) => {
      const before = seconds - last * (problem.secondsPerByte[link] ?? 1)
      return before > -1e-9 && all - slots(link, seconds) + Math.max(0, slots(link, before + 1e-12)) >= count
    })
  }
  return Math.min(...moments.filter(suffices))
}

/** When each segment is there, if each link fetches by priority and number. */
function endsOf(problem: PlacementProblem, linkOf: Int32Array): number[] {
  const ends: number[] = []
  const free = [...problem.readySeconds]
  const inOrder = problem.segments.map((segment, index) => ({ ...segment, index }))
  for (const { index, sizeBytes } of inOrder.sort((a, b) => a.priority - b.priority || a.number - b.number)) {
    const link = linkOf[index] ?? 0
    free[link] = (free[link] ?? 0) + sizeBytes * (problem.secondsPerByte[link] ?? 0)
    ends[index] = free[link] ?? 0
  }
  return ends
}
