/** Assigning anew: what is held is not fetched again, nothing is left out, few segments move, and the time stays near the best. */

import { describe, expect, it } from 'vitest'
import type { Assignment } from '../../../schemas/delivery/assignment.ts'
import type { DeliverySegment } from '../../../schemas/delivery/dataSet.ts'
import { numbersOf, rangesOf, type SegmentRanges } from '../../../schemas/delivery/segmentRanges.ts'
import type { Participant } from '../../../server/delivery/availability.ts'
import { figuresOf, openProblem } from '../../../server/delivery/placement.ts'
import { assignedOf, STRATEGIES } from '../../../server/delivery/planDelivery.ts'
import { type InFlight, reassign, type Situation } from '../../../server/delivery/reassign.ts'
import { bestOfAll, devicesArbitrary, PLANS, segmentsArbitrary } from '../../support/deliveryArbitrary.ts'
import fc from '../../support/properties.ts'

/** What DL-12 allows above a plan made anew. */
const TOLERANCE = 0.05
const names = Object.keys(STRATEGIES) as (keyof typeof STRATEGIES)[]

/** What happened since the plan: who is lost, what each fetched of its own, which speeds changed. */
const changeArbitrary = fc.record({
  lost: fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }),
  fetched: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 9, maxLength: 9 }),
  factors: fc.array(fc.constantFrom(1, 1, 0.5, 0.1, 2), { minLength: 9, maxLength: 9 }),
  flying: fc.boolean(),
})

type Change = typeof changeArbitrary extends fc.Arbitrary<infer Value> ? Value : never

function situationOf(
  strategy: (typeof names)[number],
  segments: readonly DeliverySegment[],
  planned: readonly Participant[],
  change: Change,
): Situation | undefined {
  const { problem } = openProblem(segments, planned)
  const placement = STRATEGIES[strategy](problem)
  if (placement.kind === 'impossible') return undefined
  const current = assignedOf(problem, placement).assignments
  const held = new Map<string, SegmentRanges>()
  const inFlight: InFlight[] = []
  const drawn = new Map<string, number>()
  for (const { deviceId, linkId, segments: ranges } of current) {
    const own = [...numbersOf(ranges)]
    const device = planned.findIndex((each) => each.deviceId === deviceId)
    const done = Math.floor((change.fetched[device] ?? 0) * own.length)
    const sum = own.slice(0, done).reduce((bytes, number) => bytes + (segments[number]?.sizeBytes ?? 0), 0)
    held.set(deviceId, rangesOf([...numbersOf(held.get(deviceId) ?? []), ...own.slice(0, done)]))
    drawn.set(deviceId, (drawn.get(deviceId) ?? 0) + sum)
    const next = own[done]
    if (change.flying && next !== undefined)
      inFlight.push({ deviceId, linkId, segment: next, leftBytes: (segments[next]?.sizeBytes ?? 0) / 2 })
  }
  const devices = planned.flatMap((device, at) =>
    change.lost[at] === true
      ? []
      : [
          {
            ...device,
            roomBytes: device.roomBytes - (drawn.get(device.deviceId) ?? 0),
            links: device.links.map((link) => ({
              ...link,
              bytesPerSecond: link.bytesPerSecond * (change.factors[at] ?? 1),
            })),
          },
        ],
  )
  return { strategy, segments, devices, current, held, inFlight }
}

/** Of each segment that is still to be fetched, by which link. */
function fetchers(assignments: readonly Assignment[]): Map<number, string[]> {
  const of = new Map<number, string[]>()
  for (const { deviceId, linkId, segments } of assignments)
    for (const number of numbersOf(segments)) of.set(number, [...(of.get(number) ?? []), `${deviceId} ${linkId}`])
  return of
}

function missingIn({ segments, devices, held }: Situation): DeliverySegment[] {
  const have = new Set(devices.flatMap(({ deviceId }) => [...numbersOf(held.get(deviceId) ?? [])]))
  return segments.filter(({ number }) => !have.has(number))
}

describe.each(names)('%s', (strategy) => {
  it('[DL-11, DL-12] fetches what is missing once, what is held never', { timeout: 600_000 }, () => {
    fc.assert(
      fc.property(segmentsArbitrary(40), devicesArbitrary(7), changeArbitrary, (segments, devices, change) => {
        const situation = situationOf(strategy, segments, devices, change)
        if (situation === undefined) return
        const result = reassign(situation)
        if (result.kind === 'impossible') return
        const of = fetchers(result.assignments)
        const taken = missingIn(situation).filter(({ type }) =>
          situation.devices.some(({ dataTypes, links }) => links.length > 0 && (dataTypes?.includes(type) ?? true)),
        )
        expect([...of.keys()].sort((a, b) => a - b)).toEqual(taken.map(({ number }) => number))
        expect([...of.values()].every((links) => links.length === 1)).toBe(true)
        for (const { deviceId, roomBytes } of situation.devices) {
          const own = result.assignments.filter((each) => each.deviceId === deviceId)
          const numbers = own.flatMap((each) => [...numbersOf(each.segments)])
          const flying = new Map(
            situation.inFlight.flatMap((each) =>
              each.deviceId === deviceId ? [[each.segment, each.leftBytes] as const] : [],
            ),
          )
          const bytes = numbers.reduce(
            (sum, number) => sum + (flying.get(number) ?? segments[number]?.sizeBytes ?? 0),
            0,
          )
          expect(bytes).toBeLessThanOrEqual(roomBytes)
        }
      }),
      { numRuns: PLANS },
    )
  })
})

describe('shortestTime', () => {
  it('[DL-12] is within the bound of the best placement of what is left', { timeout: 600_000 }, () => {
    fc.assert(
      fc.property(segmentsArbitrary(6), devicesArbitrary(4), changeArbitrary, (segments, devices, change) => {
        const situation = situationOf('shortestTime', segments, devices, { ...change, flying: false })
        if (situation === undefined) return
        const result = reassign(situation)
        const best = bestOfAll(openProblem(missingIn(situation), situation.devices).problem)
        expect(result.kind).toBe(best.seconds < Number.POSITIVE_INFINITY ? 'assigned' : 'impossible')
        if (result.kind === 'impossible') return
        expect(result.seconds).toBeLessThanOrEqual(best.seconds * (1 + TOLERANCE) + 1e-9)
        if (result.optimal) expect(result.seconds).toBeCloseTo(best.seconds, 9)
      }),
      { numRuns: PLANS },
    )
  })

  it('[DL-12] moves as few segments of one size as the bound allows', { timeout: 600_000 }, () => {
    const free = devicesArbitrary(6, { limits: false, types: false })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 80 }), free, changeArbitrary, (count, devices, change) => {
        const segments = Array.from({ length: count }, (_, number) => ({
          number,
          sizeBytes: 8,
          priority: 0,
          type: 'x',
        }))
        const situation = situationOf('shortestTime', segments, devices, { ...change, flying: false })
        if (situation === undefined) return
        const result = reassign(situation)
        if (result.kind === 'impossible') return
        const missing = new Set(missingIn(situation).map(({ number }) => number))
        const { problem } = openProblem(missingIn(situation), situation.devices)
        const anew = STRATEGIES.shortestTime(problem)
        if (anew.kind === 'impossible') throw new Error('nothing limits it')
        const latest = figuresOf(problem, anew.work).seconds * (1 + TOLERANCE + 1e-12)
        const surplus = situation.current.map(({ deviceId, linkId, segments: ranges }) => {
          const links = situation.devices.find((device) => device.deviceId === deviceId)?.links
          const speed = links?.find((link) => link.linkId === linkId)?.bytesPerSecond
          const own = [...numbersOf(ranges)].filter((number) => missing.has(number)).length
          return speed === undefined ? 0 : Math.max(0, own - Math.floor((latest * speed) / 8 + 1e-9))
        })
        expect(result.moved).toBe(surplus.reduce((sum, each) => sum + each, 0))
      }),
      { numRuns: PLANS },
    )
  })

  const two = (first: number, second: number): Participant[] =>
    [first, second].map((bytesPerSecond, at) => ({
      deviceId: `d${at}`,
      links: [{ linkId: 'l', bytesPerSecond, costPerByte: 0 }],
      roomBytes: Number.POSITIVE_INFINITY,
      dataTypes: undefined,
    }))
  const ten = Array.from({ length: 10 }, (_, number) => ({ number, sizeBytes: 10, priority: 0, type: 'x' }))
  const current: Assignment[] = [
    { deviceId: 'd0', linkId: 'l', segments: [[0, 5]] },
    { deviceId: 'd1', linkId: 'l', segments: [[5, 10]] },
  ]
  const base = { strategy: 'shortestTime', segments: ten, current, held: new Map(), inFlight: [] } as const

  it('[DL-11] leaves a segment in flight where it is, unless it would come last of all', () => {
    const flight = (leftBytes: number): InFlight => ({ deviceId: 'd1', linkId: 'l', segment: 9, leftBytes })
    const kept = reassign({ ...base, devices: two(10, 1), inFlight: [flight(2)] })
    expect(kept).toMatchObject({
      kind: 'assigned',
      assignments: [{ deviceId: 'd1', segments: [[9, 10]] }, { deviceId: 'd0' }],
    })
    const released = reassign({ ...base, devices: two(10, 0.1), inFlight: [flight(9)] })
    expect(released).toMatchObject({
      kind: 'assigned',
      assignments: [{ deviceId: 'd0', segments: [[0, 10]] }],
      seconds: 10,
    })
  })

  it('[DL-11] has nobody fetch what a device that is there holds, and somebody what only a lost one held', () => {
    const held = new Map<string, SegmentRanges>([
      ['d0', [[0, 2]]],
      ['d1', [[5, 8]]],
    ])
    const both = reassign({ ...base, devices: two(1, 1), held })
    expect(both).toMatchObject({ assignments: [{ segments: [[2, 5]] }, { segments: [[8, 10]] }], moved: 0 })
    const left = reassign({ ...base, devices: two(1, 1).slice(0, 1), held })
    expect(left).toMatchObject({ assignments: [{ deviceId: 'd0', segments: [[2, 10]] }], moved: 0 })
  })

  it('[DL-16] gives those who declined no more octets than they were to fetch', () => {
    const three = [
      ...two(1, 1),
      ...two(1, 1)
        .map((device) => ({ ...device, deviceId: 'd2' }))
        .slice(0, 1),
    ]
    const devices = three.filter(({ deviceId }) => deviceId !== 'd1')
    const result = reassign({ ...base, devices, declined: new Set(['d0']) })
    expect(result.kind === 'assigned' && fetchers(result.assignments).size).toBe(10)
    const own = result.kind === 'assigned' ? result.assignments.filter(({ deviceId }) => deviceId === 'd0') : []
    expect(own.flatMap(({ segments }) => [...numbersOf(segments)]).length).toBeLessThanOrEqual(5)
    expect(reassign({ ...base, devices: two(1, 1).slice(0, 1), declined: new Set(['d0']) })).toMatchObject({
      kind: 'impossible',
      reason: 'data-limits',
      proven: true,
    })
  })
})

it('[DL-12] lowestCost moves nothing when only speeds change and nothing becomes cheaper', () => {
  const devices = [1, 5].map((bytesPerSecond, at) => ({
    deviceId: `d${at}`,
    links: [{ linkId: 'l', bytesPerSecond, costPerByte: at }],
    roomBytes: Number.POSITIVE_INFINITY,
    dataTypes: undefined,
  }))
  const segments = [0, 1, 2].map((number) => ({ number, sizeBytes: 4, priority: 0, type: 'x' }))
  const current = [{ deviceId: 'd0', linkId: 'l', segments: [[0, 3]] as const }]
  const result = reassign({ strategy: 'lowestCost', segments, devices, current, held: new Map(), inFlight: [] })
  expect(result).toMatchObject({ kind: 'assigned', assignments: current, cost: 0, moved: 0 })
})
