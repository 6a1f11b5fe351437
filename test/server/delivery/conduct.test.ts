/** When a Delivery begins, who shares with whom, and what becomes of those who come late: the pure state, no network. */

import { describe, expect, it } from 'vitest'
import type { DataSet } from '../../../schemas/delivery/dataSet.ts'
import type { DeliveryPreferences } from '../../../schemas/delivery/preferences.ts'
import { countOf, numbersOf, rangesOf, type SegmentRanges } from '../../../schemas/delivery/segmentRanges.ts'
import { conduct } from '../../../server/delivery/conduct.ts'
import { type Conduct, type ConductEvent, phaseOf } from '../../../server/delivery/conductState.ts'

const dataSet: DataSet = {
  dataSetId: 'image',
  objects: 1,
  segments: Array.from({ length: 40 }, (_, number) => ({ number, sizeBytes: 1000, priority: 5, type: 'database' })),
}
const ALL: SegmentRanges = [[0, 40]]

function ordered(preferences: Partial<DeliveryPreferences> = {}, names = ['a', 'b']): Conduct {
  return {
    deliveryId: 'd',
    dataSetId: 'image',
    preferences: {
      strategy: 'shortestTime',
      devices: names.map((deviceId) => ({ deviceId })),
      onLoss: 'take-over',
      ...preferences,
    },
    createdAt: 0,
    waitMs: 30_000,
    firstJoinAt: null,
    devices: [],
    parts: [],
    ended: null,
  }
}

function joins(deviceId: string, speed = 1000, more: { place?: string; held?: SegmentRanges } = {}): ConductEvent {
  const { place = 'here', held = [] } = more
  const links = [{ linkId: 'l', type: 'wifi' as const, givenBytesPerSecond: speed }]
  const description = { deviceId, seenAt: 0, syncEnabled: true, links, networks: [], place }
  return { kind: 'joined', device: { description, name: deviceId, addresses: [], held, inFlight: [], gone: false } }
}

function holds(deviceId: string, held: SegmentRanges): ConductEvent {
  return { kind: 'progress', report: { deviceId, held, serverBytes: 0, peerBytes: 0, links: [] } }
}

const moved = (state: Conduct, events: readonly ConductEvent[], now = 0): Conduct =>
  events.reduce((next, event) => conduct(next, dataSet, event, now), state)

const assigned = (state: Conduct, deviceId: string, part = 0): number =>
  (state.parts[part]?.state.assignments ?? [])
    .filter((each) => each.deviceId === deviceId)
    .reduce((sum, { segments }) => sum + countOf(segments), 0)

describe('a Delivery that is conducted', () => {
  it('[DL-20] begins when all that were named are there, or the first has waited long enough', () => {
    const one = moved(ordered(), [joins('a')])
    expect(phaseOf(one)).toBe('waiting')
    expect(phaseOf(moved(one, [{ kind: 'tick' }], 29_999))).toBe('waiting')
    const late = moved(one, [{ kind: 'tick' }], 30_000)
    expect([phaseOf(late), assigned(late, 'a')]).toEqual(['running', 40])
    const both = moved(one, [joins('b', 3000)])
    expect([phaseOf(both), assigned(both, 'a'), assigned(both, 'b')]).toEqual(['running', 10, 30])
  })

  it('[DL-20] what a device held before is fetched by nobody', () => {
    const both = moved(ordered(), [joins('a', 1000, { held: [[0, 20]] }), joins('b', 1000)])
    const fetched = both.parts[0]?.state.assignments.flatMap(({ segments }) => [...numbersOf(segments)])
    expect(fetched?.toSorted((x, y) => x - y)).toEqual(Array.from({ length: 20 }, (_, index) => 20 + index))
  })

  it('[DL-21] a late device joins those it sits together with, and others are by themselves', () => {
    const three = ordered({}, ['a', 'b', 'c', 'd'])
    const running = moved(moved(three, [joins('a'), joins('b')]), [{ kind: 'tick' }], 30_000)
    const near = moved(running, [joins('c', 2000)], 30_001)
    expect(near.parts.map(({ state }) => state.members.length)).toEqual([3])
    expect(assigned(near, 'c')).toBe(20)
    expect(near.parts[0]?.state.revision).toBe((running.parts[0]?.state.revision ?? 0) + 1)
    const far = moved(near, [joins('d', 500, { place: 'elsewhere' })], 30_002)
    expect(far.parts.map(({ state }) => state.members.length)).toEqual([3, 1])
    expect(assigned(far, 'd', 1)).toBe(40)
    // One that was not named, and was let in, is named from now on.
    expect(moved(far, [joins('e')], 30_003).preferences.devices.at(-1)).toEqual({ deviceId: 'e' })
  })

  it('[DL-21] a group is complete by itself, with a final map; who comes then is by itself', () => {
    const apart = moved(ordered({}, ['a', 'b', 'c']), [
      joins('a'),
      joins('b'),
      joins('c', 100, { place: 'elsewhere' }),
      holds('a', ALL),
      holds('b', ALL),
    ])
    expect(apart.parts.map(({ state, isFinal }) => [state.phase, isFinal])).toEqual([
      ['complete', true],
      ['running', false],
    ])
    expect(phaseOf(apart)).toBe('running')
    const all = moved(apart, [holds('c', ALL)])
    expect(phaseOf(all)).toBe('complete')
    const again = moved(all, [joins('d')], 5)
    expect([phaseOf(again), assigned(again, 'd', 2)]).toEqual(['running', 40])
  })

  it('[DL-21, DL-11] a lost device: the others take over what it did not bring, and a cancelled one stays so', () => {
    const both = moved(ordered(), [joins('a'), joins('b'), holds('b', [[0, 4]])])
    const held = both.parts[0]?.state.members.find(({ deviceId }) => deviceId === 'b')?.held
    expect(held).toEqual([[0, 4]])
    const left = moved(both, [{ kind: 'gone', deviceId: 'b' }], 10)
    expect(assigned(left, 'a')).toBe(40)
    const ended = moved(left, [{ kind: 'steered', action: 'cancel' }], 20)
    expect(phaseOf(moved(ended, [joins('b'), { kind: 'steered', action: 'resume' }], 30))).toBe('cancelled')
  })

  it('[DL-19] after a restart nobody is lost for the time the server was away', () => {
    const both = moved(ordered(), [joins('a'), joins('b')])
    const lost = moved(both, [{ kind: 'tick' }], 60_000)
    expect(lost.parts[0]?.state.members.map(({ presence }) => presence)).toEqual(['lost', 'lost'])
    const back = moved(both, [{ kind: 'restarted' }, { kind: 'tick' }], 60_000)
    expect(back.parts[0]?.state.members.map(({ presence }) => presence)).toEqual(['present', 'present'])
  })

  it('[DL-13, DL-12] a link that became slow hands on what it did not fetch', () => {
    let state = moved(ordered(), [joins('a', 1000), joins('b', 1000)])
    expect(assigned(state, 'a')).toBe(20)
    for (let at = 1000; at <= 8000; at += 1000) {
      const links = [{ linkId: 'l', bytes: 200, busyMs: 1000 }]
      const report = { deviceId: 'a', held: rangesOf([]), serverBytes: 0, peerBytes: 0, links }
      state = moved(state, [{ kind: 'progress', report }, holds('b', rangesOf([20]))], at)
    }
    expect(assigned(state, 'a')).toBeLessThan(12)
    expect(state.parts[0]?.state.revision).toBeGreaterThan(1)
  })
})
