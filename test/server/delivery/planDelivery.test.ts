/** Who takes part in a Delivery, who sits together, and what becomes of the others. */

import { describe, expect, it } from 'vitest'
import { plan as planSchema } from '../../../schemas/delivery/assignment.ts'
import type { DataSet } from '../../../schemas/delivery/dataSet.ts'
import type { DeviceDescription } from '../../../schemas/delivery/deviceDescription.ts'
import type { DevicePreference, StrategyName } from '../../../schemas/delivery/preferences.ts'
import { AVAILABLE_MS, participantOf } from '../../../server/delivery/availability.ts'
import {
  areCollocated,
  distanceMeters,
  groupCollocated,
  POSITION_VALID_MS,
} from '../../../server/delivery/collocation.ts'
import { planDelivery } from '../../../server/delivery/planDelivery.ts'
import { PLANS, segmentsArbitrary } from '../../support/deliveryArbitrary.ts'
import fc from '../../support/properties.ts'

const NOW = 1_700_000_000_000

const device = (deviceId: string, more: Partial<DeviceDescription> = {}): DeviceDescription => ({
  deviceId,
  seenAt: NOW,
  syncEnabled: true,
  links: [{ linkId: 'w', type: 'wifi', measuredBytesPerSecond: 10 }],
  networks: ['here'],
  ...more,
})
const data: DataSet = {
  dataSetId: 'a1',
  objects: 1,
  segments: Array.from({ length: 10 }, (_, number) => ({
    number,
    sizeBytes: 10,
    priority: 0,
    type: number < 4 ? 'mail' : 'file',
  })),
}
const planFor = (
  devices: readonly DeviceDescription[],
  preferences: readonly DevicePreference[] = devices.map(({ deviceId }) => ({ deviceId })),
  strategy: StrategyName = 'shortestTime',
) => planDelivery(data, devices, { strategy, devices: preferences, onLoss: 'ask' }, NOW)

describe('who takes part', () => {
  it('[DL-1] not who may not be synchronized, was not heard lately, or did not describe itself', () => {
    const devices = [
      device('a'),
      device('b', { seenAt: NOW - AVAILABLE_MS }),
      device('late', { seenAt: NOW - AVAILABLE_MS - 1 }),
      device('off', { syncEnabled: false }),
    ]
    const plan = planFor(devices, [...devices.map(({ deviceId }) => ({ deviceId })), { deviceId: 'nobody' }])
    expect(plan.shared.map((part) => part.devices)).toEqual([['a', 'b']])
    expect(plan.alone.map(({ deviceId, reason, verdict }) => [deviceId, reason, verdict.kind])).toEqual([
      ['late', 'unavailable', 'assigned'],
      ['off', 'sync-disabled', 'assigned'],
      ['nobody', 'unknown', 'impossible'],
    ])
    expect(planSchema.parse(JSON.parse(JSON.stringify(plan)))).toEqual(plan)
  })

  it('[DL-2] those that sit with nobody get everything by themselves', () => {
    const plan = planFor([device('a'), device('b'), device('far', { networks: ['there'] })])
    expect(plan.shared).toMatchObject([{ devices: ['a', 'b'], verdict: { seconds: 5, optimal: true } }])
    expect(plan.alone).toMatchObject([
      { deviceId: 'far', reason: 'not-collocated', verdict: { assignments: [{ segments: [[0, 10]] }], seconds: 10 } },
    ])
  })

  it('[DL-4] a device without a link, or that may draw nothing, gets all from the others', () => {
    const devices = [device('a'), device('dark', { links: [] }), device('poor')]
    const plan = planFor(devices, [{ deviceId: 'a' }, { deviceId: 'dark' }, { deviceId: 'poor', dataLimitBytes: 0 }])
    expect(plan.shared).toMatchObject([
      { devices: ['a', 'dark', 'poor'], verdict: { assignments: [{ deviceId: 'a', segments: [[0, 10]] }] } },
    ])
    const none = planFor([device('x', { links: [] }), device('y', { links: [] })])
    expect(none.shared).toMatchObject([
      { verdict: { kind: 'impossible', reason: 'no-link', proven: true, needBytes: 100 } },
    ])
  })

  it('[DL-5] segments that no device of the group takes are named', () => {
    const plan = planFor(
      [device('a'), device('b')],
      [
        { deviceId: 'a', dataTypes: ['file'] },
        { deviceId: 'b', dataTypes: ['file'] },
      ],
    )
    expect(plan.shared).toMatchObject([{ untaken: [[0, 4]], verdict: { kind: 'assigned', seconds: 3 } }])
  })
})

describe('links', () => {
  it('[DL-3] count as measured, else as given, else as usual; no faster than the user allows', () => {
    const links = [
      { linkId: 'm', type: 'wifi', givenBytesPerSecond: 5, measuredBytesPerSecond: 30 },
      { linkId: 'g', type: 'cellular', givenBytesPerSecond: 10, costPerGigabyte: 3 },
      { linkId: 'gone', type: 'ethernet', measuredBytesPerSecond: 0 },
    ] as const
    expect(participantOf(device('a', { links }), { deviceId: 'a', maxBytesPerSecond: 20 }).links).toEqual([
      { linkId: 'm', bytesPerSecond: 15, costPerByte: 0 },
      { linkId: 'g', bytesPerSecond: 5, costPerByte: 3e-9 },
    ])
    const usual = participantOf(device('a', { links: [{ linkId: 's', type: 'satellite' }] }), { deviceId: 'a' }).links
    expect(usual).toMatchObject([{ bytesPerSecond: 1_000_000, costPerByte: 1e-8 }])
  })

  it('[DL-4] are used as the connection preference names them; of equal ones the first', () => {
    const links = [
      { linkId: 'w', type: 'wifi', measuredBytesPerSecond: 10 },
      { linkId: 'c', type: 'cellular', measuredBytesPerSecond: 10 },
      { linkId: 's', type: 'satellite', measuredBytesPerSecond: 10 },
    ] as const
    const names = participantOf(device('a', { links }), { deviceId: 'a', connections: ['cellular', 'wifi'] }).links
    expect(names.map(({ linkId }) => linkId)).toEqual(['c', 'w'])
    const one = { ...data, segments: data.segments.slice(0, 1) }
    const preferences = { strategy: 'shortestTime', onLoss: 'ask' } as const
    for (const order of [
      ['b', 'a'],
      ['a', 'b'],
    ]) {
      const wanted = order.map((deviceId) => ({ deviceId }))
      const plan = planDelivery(one, [device('a'), device('b')], { ...preferences, devices: wanted }, NOW)
      expect(plan.shared).toMatchObject([{ verdict: { assignments: [{ deviceId: order[0] }] } }])
    }
  })
})

describe('[DL-2] together', () => {
  const at = (latitude: number, longitude: number, accuracyMeters = 0, ageMs = 0) => ({
    networks: [],
    position: { latitude, longitude, accuracyMeters, at: NOW - ageMs },
  })

  it('distances are those of the globe', () => {
    const munich = { latitude: 48.137154, longitude: 11.576124 }
    const berlin = { latitude: 52.520007, longitude: 13.404954 }
    expect(distanceMeters(munich, berlin) / 1000).toBeCloseTo(504.4, 0)
    expect(distanceMeters({ latitude: 0, longitude: 179.9999 }, { latitude: 0, longitude: -179.9999 })).toBeCloseTo(
      22.24,
      1,
    )
    expect(distanceMeters({ latitude: 90, longitude: 0 }, { latitude: -90, longitude: 50 }) / 1000).toBeCloseTo(
      20015.1,
      0,
    )
    expect(distanceMeters(munich, munich)).toBe(0)
  })

  it.each([
    ['near', at(48, 11), at(48.0008, 11), true],
    ['too far', at(48, 11), at(48.001, 11), false],
    ['near, but not surely', at(48, 11, 10), at(48.0008, 11, 10), false],
    ['a position that is old', at(48, 11, 0, POSITION_VALID_MS + 1), at(48, 11), false],
    ['nothing known', { networks: [] }, { networks: [] }, false],
    ['one network', { networks: ['x', 'y'] }, { networks: ['y'] }, true],
    [
      'one network, but the user says apart',
      { networks: ['y'], place: 'van' },
      { networks: ['y'], place: 'shop' },
      false,
    ],
    ['far, but the user says together', { ...at(48, 11), place: 'van' }, { ...at(50, 11), place: 'van' }, true],
    ['the word of one user only', { networks: ['y'], place: 'van' }, { networks: ['y'] }, true],
  ])('%s', (_, one, other, expected) => {
    expect(areCollocated(one, other, NOW)).toBe(expected)
    expect(areCollocated(other, one, NOW)).toBe(expected)
  })

  it('is each with each: a chain is no group', () => {
    const chain = [0, 0.0008, 0.0016].map((north) => at(48 + north, 11))
    expect(groupCollocated(chain, NOW).map((group) => group.length)).toEqual([2, 1])
  })
})

describe('[DL-10] everything by itself', () => {
  const links = [
    { linkId: 'a', type: 'wifi', measuredBytesPerSecond: 30 },
    { linkId: 'b', type: 'ethernet', measuredBytesPerSecond: 10 },
  ] as const

  it('over all links in proportion to their speed, only what is taken, within the limit', () => {
    const devices = ['all', 'mail', 'poor'].map((id) => device(id, { links }))
    const preferences = [
      { deviceId: 'all' },
      { deviceId: 'mail', dataTypes: ['mail'] },
      { deviceId: 'poor', dataLimitBytes: 99 },
    ]
    expect(planFor(devices, preferences, 'full').alone).toMatchObject([
      { reason: 'strategy', verdict: { assignments: [{ segments: [[0, 7]] }, { segments: [[7, 10]] }] } },
      { untaken: [[4, 10]], verdict: { assignments: [{ segments: [[0, 3]] }, { segments: [[3, 4]] }], seconds: 1 } },
      { verdict: { kind: 'impossible', reason: 'data-limits', proven: true, needBytes: 100, roomBytes: 99 } },
    ])
  })

  it('each segment once at each device, links done within a segment of each other', { timeout: 600_000 }, () => {
    const speeds = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(segmentsArbitrary(40), fc.array(speeds, { minLength: 1, maxLength: 4 }), (segments, each) => {
        const devices = each.map((own, id) =>
          device(`d${id}`, {
            links: own.map((measuredBytesPerSecond, at) => ({
              linkId: `l${at}`,
              type: 'wifi',
              measuredBytesPerSecond,
            })),
          }),
        )
        const wanted = devices.map(({ deviceId }) => ({ deviceId, dataTypes: ['database', 'mail'] }))
        const plan = planDelivery(
          { ...data, segments },
          devices,
          { strategy: 'full', devices: wanted, onLoss: 'ask' },
          NOW,
        )
        const taken = segments.filter(({ type }) => type !== 'file')
        const bytes = taken.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
        const largest = Math.max(0, ...taken.map(({ sizeBytes }) => sizeBytes))
        for (const [index, { verdict }] of plan.alone.entries()) {
          if (verdict.kind === 'impossible') throw new Error('nothing limits it')
          const numbers = verdict.assignments.flatMap(({ segments: ranges }) =>
            ranges.flatMap(([from, to]) =>
              segments.slice(from, to).flatMap(({ number, type }) => (type === 'file' ? [] : [number])),
            ),
          )
          expect(numbers).toEqual(taken.map(({ number }) => number))
          const own = each[index] ?? []
          const together = own.reduce((sum, speed) => sum + speed, 0)
          expect(verdict.seconds).toBeLessThanOrEqual(bytes / together + largest / Math.min(...own) + 1e-9)
        }
      }),
      { numRuns: PLANS },
    )
  })
})
