/** Cases of the strategies that were thought of, where random ones seldom come. */

import { describe, expect, it } from 'vitest'
import { figuresOf, openProblem } from '../../../server/delivery/placement.ts'
import { STRATEGIES } from '../../../server/delivery/planDelivery.ts'

const names = Object.keys(STRATEGIES) as (keyof typeof STRATEGIES)[]
const NO_LIMIT = Number.POSITIVE_INFINITY
const device = (deviceId: string, bytesPerSecond: number, roomBytes: number, dataTypes: readonly string[]) => ({
  deviceId,
  links: [{ linkId: 'l', bytesPerSecond, costPerByte: 0 }],
  roomBytes,
  dataTypes,
})
const segmentsOf = (...all: readonly (readonly [type: string, sizeBytes: number])[]) =>
  all.map(([type, sizeBytes], number) => ({ number, sizeBytes, priority: 0, type }))

describe('cases that were thought of', () => {
  it('[DL-6] a slot that was given to the wrong type is given to the other one', () => {
    const devices = [device('slow', 1, 10, ['a']), device('fast', 2, 10, ['a', 'b']), device('full', 3, 0, ['b'])]
    const { problem } = openProblem(segmentsOf(['a', 10], ['b', 10]), devices)
    const placement = STRATEGIES.shortestTime(problem)
    expect(placement.kind === 'placed' && [...placement.work.linkOf]).toEqual([0, 1])
  })

  it('[DL-7] one smaller segment that only one device takes is not put behind what others take', () => {
    const devices = [device('a', 3, NO_LIMIT, ['p']), device('b', 1.05, NO_LIMIT, ['p', 'q'])]
    const { problem } = openProblem(segmentsOf(['p', 10], ['p', 10], ['p', 10], ['q', 9]), devices)
    const placement = STRATEGIES.shortestTime(problem)
    expect(placement.kind === 'placed' && figuresOf(problem, placement.work).seconds).toBeCloseTo(10, 9)
  })

  it('[DL-8] many segments that only fit if the fast device is left to those that nobody else takes', () => {
    const devices = [device('fast', 9, 59, ['x', 'y']), device('slow', 1, 10, ['y'])]
    const small = Array.from({ length: 29 }, (_, number) => ['x', number === 0 ? 3 : 2] as const)
    const { problem } = openProblem(segmentsOf(...small, ['y', 10]), devices)
    const placement = STRATEGIES.shortestTime(problem)
    // The large one, last of all, lies at the slow device; so everything else is at the fast one.
    expect(placement.kind === 'placed' && [...placement.work.linkOf]).toEqual([...small.map(() => 0), 1])
    const { problem: none } = openProblem(segmentsOf(...small, ['y', 10], ['x', 1]), devices)
    expect(STRATEGIES.shortestTime(none)).toEqual({
      kind: 'impossible',
      reason: 'data-limits',
      proven: true,
      needBytes: 70,
      roomBytes: 69,
    })
  })

  it('[DL-8] a segment larger than any room is named as the reason', () => {
    const { problem } = openProblem(segmentsOf(['x', 9], ['x', 1]), [
      device('a', 1, 8, ['x']),
      device('b', 1, 8, ['x']),
    ])
    for (const name of names)
      expect(STRATEGIES[name](problem)).toMatchObject({ reason: 'segment-too-large', proven: true })
  })
})
