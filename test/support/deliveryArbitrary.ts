/**
 * Random Deliveries, and all placements of small ones: what planners are held against. NIGHTFERRY_PLANS says how many
 * cases each property gets.
 */

import type { DeliverySegment } from '../../schemas/delivery/dataSet.ts'
import type { Participant } from '../../server/delivery/availability.ts'
import { at, figuresOf, openProblem, type PlacementProblem, workloadOf } from '../../server/delivery/placement.ts'
import fc from './properties.ts'

/** Cases of each property; `npm run test:long` asks for 10,000. */
export const PLANS = Number(process.env.NIGHTFERRY_PLANS ?? 100)

/** Sizes of segments: all alike, all but the last alike, or each its own. */
const sizes = (most: number) =>
  fc.oneof(
    fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: most })).map(([size, n]) => Array(n).fill(size)),
    fc
      .tuple(fc.integer({ min: 2, max: 9 }), fc.integer({ min: 1, max: most }), fc.integer({ min: 1, max: 8 }))
      .map(([size, n, last]) => [...Array(n - 1).fill(size), Math.min(last, size)]),
    fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: most }),
  ) as fc.Arbitrary<number[]>

const TYPES = ['database', 'mail', 'file'] as const

/** Up to `most` segments, of one type or of three. */
export const segmentsArbitrary = (most: number): fc.Arbitrary<DeliverySegment[]> =>
  fc
    .tuple(
      sizes(most),
      fc.array(fc.nat(2), { minLength: most, maxLength: most }),
      fc.boolean(),
      fc.infiniteStream(fc.nat(2)),
    )
    .map(([all, types, mixed, priorities]) =>
      all.map((sizeBytes, number) => ({
        number,
        sizeBytes,
        priority: priorities.next().value ?? 0,
        type: TYPES[mixed ? (types[number] ?? 0) : 0] ?? 'database',
      })),
    )

const linkArbitrary = fc.record({
  bytesPerSecond: fc.constantFrom(1, 2, 2.5, 3, 7, 20),
  costPerByte: fc.constantFrom(0, 0, 1, 2, 5),
})

/** Devices with one link each and sometimes a second one, `most` links in all. */
export const devicesArbitrary = (
  most: number,
  { limits = true, types = true }: { readonly limits?: boolean; readonly types?: boolean } = {},
): fc.Arbitrary<Participant[]> =>
  fc
    .array(
      fc.record({
        links: fc.array(linkArbitrary, { minLength: 1, maxLength: 2 }),
        roomBytes: limits
          ? fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 0, max: 30 }))
          : fc.constant(Number.POSITIVE_INFINITY),
        dataTypes: types
          ? fc.oneof(fc.constant(undefined), fc.subarray([...TYPES], { minLength: 1 }))
          : fc.constant(undefined),
      }),
      { minLength: 1, maxLength: most },
    )
    .map((devices) => {
      let left = most
      return devices.flatMap(({ links, ...device }, number) => {
        const own = links.slice(0, Math.max(0, left)).map((link, at) => ({ linkId: `l${at}`, ...link }))
        left -= own.length
        return own.length === 0 ? [] : [{ deviceId: `d${number}`, links: own, ...device }]
      })
    })

/** The least seconds and the least cost of all placements within the limits; Infinity if there is none. */
export function bestOfAll(problem: PlacementProblem): { readonly seconds: number; readonly cost: number } {
  const links = problem.deviceOf.length
  const linkOf = new Int32Array(problem.segments.length)
  const room = problem.devices.map(({ roomBytes }) => roomBytes)
  let best = { seconds: Number.POSITIVE_INFINITY, cost: Number.POSITIVE_INFINITY }
  const visit = (segment: number): void => {
    const size = problem.segments[segment]?.sizeBytes
    if (size === undefined) {
      const { seconds, cost } = figuresOf(problem, workloadOf(problem, linkOf))
      best = { seconds: Math.min(best.seconds, seconds), cost: Math.min(best.cost, cost) }
      return
    }
    for (let link = 0; link < links; link++) {
      const device = at(problem.deviceOf, link)
      if (problem.takes[at(problem.classOf, segment)]?.[device] !== 1 || at(room, device) < size) continue
      room[device] = at(room, device) - size
      linkOf[segment] = link
      visit(segment + 1)
      room[device] = at(room, device) + size
    }
  }
  visit(0)
  return best
}

/** A problem and the moments at which its links can begin. */
export const problemArbitrary = (
  most: { readonly segments: number; readonly links: number },
  kinds: { readonly limits?: boolean; readonly types?: boolean; readonly busy?: boolean } = {},
): fc.Arbitrary<PlacementProblem> =>
  fc
    .tuple(
      segmentsArbitrary(most.segments),
      devicesArbitrary(most.links, kinds),
      fc.array(fc.constantFrom(0, 0, 0.5, 3), { minLength: most.links, maxLength: most.links }),
    )
    .map(([segments, devices, ready]) => openProblem(segments, devices, kinds.busy === false ? [] : ready).problem)
