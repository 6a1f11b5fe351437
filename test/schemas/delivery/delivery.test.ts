/** What crosses the wire for a Delivery: data set, device, preferences, plan, progress. */

import { describe, expect, it } from 'vitest'
import { assignment, plan } from '../../../schemas/delivery/assignment.ts'
import { characteristicsOf, dataSet, inFetchOrder } from '../../../schemas/delivery/dataSet.ts'
import { deviceDescription } from '../../../schemas/delivery/deviceDescription.ts'
import { deliveryPreferences } from '../../../schemas/delivery/preferences.ts'
import { progressReport } from '../../../schemas/delivery/progress.ts'
import {
  countOf,
  covers,
  numbersOf,
  rangesOf,
  segmentRanges,
  unionOf,
  withoutRanges,
} from '../../../schemas/delivery/segmentRanges.ts'
import fc from '../../support/properties.ts'

const segments = [
  { number: 0, sizeBytes: 10, priority: 2, type: 'mail' },
  { number: 1, sizeBytes: 30, priority: 0, type: 'database' },
  { number: 2, sizeBytes: 20, priority: 0, type: 'mail' },
]
const set = { dataSetId: 'a1', objects: 2, segments }

describe('[WF-30] a data set', () => {
  it('counts its characteristics', () => {
    expect(characteristicsOf(dataSet.parse(set))).toEqual({
      sizeBytes: 60,
      objects: 2,
      segments: 3,
      smallestBytes: 10,
      largestBytes: 30,
      types: { mail: 30, database: 30 },
      priorities: { 0: 50, 2: 10 },
    })
  })

  it.each([
    ['a gap', { ...set, segments: [segments[0], segments[2]] }],
    ['nothing', { ...set, segments: [] }],
    ['an empty segment', { ...set, segments: [{ ...segments[0], sizeBytes: 0 }] }],
    ['an unknown field', { ...set, more: 1 }],
  ])('with %s is refused', (_, value) => {
    expect(dataSet.safeParse(value).success).toBe(false)
  })

  it('[WF-33] is fetched by priority, then by number', () => {
    expect(segments.toSorted(inFetchOrder).map(({ number }) => number)).toEqual([1, 2, 0])
  })
})

const device = {
  deviceId: 'IMEI:1',
  seenAt: 5,
  syncEnabled: true,
  links: [{ linkId: 'w', type: 'wifi', measuredBytesPerSecond: 1.5 }],
  position: { latitude: 48.1, longitude: 11.5, accuracyMeters: 20, at: 4 },
  networks: ['n1'],
  place: 'the van',
}
const preferences = {
  strategy: 'half',
  devices: [{ deviceId: 'IMEI:1', connections: ['wifi'], dataLimitBytes: 0, dataTypes: ['mail'] }],
  onLoss: 'ask',
}

describe('[WF-31, WF-32] a device and what its user wants', () => {
  it('are read', () => {
    expect(deviceDescription.parse(device)).toEqual(device)
    expect(deliveryPreferences.parse(preferences)).toEqual(preferences)
  })

  it.each([
    ['a link twice', { ...device, links: [...device.links, ...device.links] }],
    ['a position beyond the pole', { ...device, position: { ...device.position, latitude: 90.1 } }],
    ['a speed below nothing', { ...device, links: [{ linkId: 'w', type: 'wifi', givenBytesPerSecond: -1 }] }],
  ])('%s is refused', (_, value) => {
    expect(deviceDescription.safeParse(value).success).toBe(false)
  })

  it('a device named twice, a strategy of another name and no device are refused', () => {
    const [one] = preferences.devices
    for (const wrong of [{ devices: [one, one] }, { strategy: 'best' }, { devices: [] }])
      expect(deliveryPreferences.safeParse({ ...preferences, ...wrong }).success).toBe(false)
  })
})

describe('[WF-33] a plan', () => {
  const assigned = {
    kind: 'assigned',
    assignments: [{ deviceId: 'd', linkId: 'l', segments: [[0, 3]] }],
    seconds: 2,
    cost: 0,
    optimal: true,
  }
  const impossible = { kind: 'impossible', reason: 'data-limits', proven: true, needBytes: 9, roomBytes: null }

  it('is read', () => {
    const value = {
      dataSetId: 'a1',
      strategy: 'shortestTime',
      shared: [{ devices: ['d', 'e'], untaken: [], verdict: assigned }],
      alone: [{ deviceId: 'f', reason: 'sync-disabled', untaken: [[1, 2]], verdict: impossible }],
    }
    expect(plan.parse(value)).toEqual(value)
  })

  it('names segments in one way only', () => {
    expect(assignment.safeParse({ deviceId: 'd', linkId: 'l', segments: [[2, 1]] }).success).toBe(false)
  })
})

describe('[WF-34] ranges of segments', () => {
  const numbers = fc.array(fc.nat(60), { maxLength: 40 })

  it('are the sets they were made of', () => {
    fc.assert(
      fc.property(numbers, numbers, (one, other) => {
        const [a, b] = [rangesOf(one), rangesOf(other)]
        const sorted = (list: Iterable<number>): number[] => [...new Set(list)].sort((x, y) => x - y)
        expect([...numbersOf(a)]).toEqual(sorted(one))
        expect(countOf(a)).toBe(new Set(one).size)
        expect([...numbersOf(unionOf(a, b))]).toEqual(sorted([...one, ...other]))
        expect([...numbersOf(withoutRanges(a, b))]).toEqual(sorted(one.filter((number) => !other.includes(number))))
        expect(covers(a, b)).toBe(other.every((number) => one.includes(number)))
        for (const ranges of [a, b, unionOf(a, b), withoutRanges(a, b)])
          expect(segmentRanges.safeParse(ranges).success).toBe(true)
      }),
    )
  })

  it.each([
    [[[0, 0]]],
    [
      [
        [0, 1],
        [1, 2],
      ],
    ],
    [
      [
        [3, 4],
        [0, 1],
      ],
    ],
    [[[-1, 1]]],
    [[[0, 1.5]]],
  ])('%j are refused', (ranges) => {
    expect(segmentRanges.safeParse(ranges).success).toBe(false)
  })
})

it('[WF-35] a report of progress is read; one with a link that was busy for less than no time is not', () => {
  const report = {
    deviceId: 'd',
    held: [[0, 2]],
    serverBytes: 100,
    peerBytes: 50,
    links: [{ linkId: 'l', bytes: 100, busyMs: 900 }],
  }
  expect(progressReport.parse(report)).toEqual(report)
  expect(progressReport.safeParse({ ...report, links: [{ linkId: 'l', bytes: 1, busyMs: -1 }] }).success).toBe(false)
})
