/**
 * Full: a device fetches everything it takes by itself, over all its links by their speed. What is the same for devices
 * that take the same is counted once, so that a thousand of them are quick. Rule DL-10.
 */

import type { Assigned, Impossibility } from '../../../schemas/delivery/assignment.ts'
import type { DataType, DeliverySegment } from '../../../schemas/delivery/dataSet.ts'
import { rangesOf, type SegmentRanges } from '../../../schemas/delivery/segmentRanges.ts'
import type { Participant } from '../availability.ts'

/** What devices that take `dataTypes` fetch. */
export interface FullSet {
  readonly taken: SegmentRanges
  readonly untaken: SegmentRanges
  /** Numbers of the taken segments; where each ends if they are laid end to end, octets. */
  readonly numbers: Int32Array
  readonly endBytes: Float64Array
}

/** Splits a data set by what is taken; undefined takes everything. */
export function fullSetOf(segments: readonly DeliverySegment[], dataTypes: readonly DataType[] | undefined): FullSet {
  const types = dataTypes && new Set(dataTypes)
  const taken = segments.filter(({ type }) => types?.has(type) ?? true)
  let end = 0
  return {
    taken: rangesOf(taken.map(({ number }) => number)),
    untaken: rangesOf(segments.filter(({ type }) => types?.has(type) === false).map(({ number }) => number)),
    numbers: Int32Array.from(taken, ({ number }) => number),
    endBytes: Float64Array.from(taken, ({ sizeBytes }) => {
      end += sizeBytes
      return end
    }),
  }
}

/**
 * Gives everything to `device`. Each of its links gets a run as long as it is fast, so that they are done within the time
 * of one segment of each other.
 */
export function full(set: FullSet, device: Participant): Assigned | Impossibility {
  const { deviceId, links, roomBytes } = device
  const needBytes = set.endBytes.at(-1) ?? 0
  const refused = { kind: 'impossible', proven: true, needBytes } as const
  if (needBytes > 0 && links.length === 0) return { ...refused, reason: 'no-link', roomBytes: null }
  if (needBytes > roomBytes) return { ...refused, reason: 'data-limits', roomBytes }
  const together = links.reduce((sum, { bytesPerSecond }) => sum + bytesPerSecond, 0)
  let [speed, from, seconds, cost] = [0, 0, 0, 0]
  const assignments = links.flatMap(({ linkId, bytesPerSecond, costPerByte }, link) => {
    speed += bytesPerSecond
    const to = link === links.length - 1 ? set.numbers.length : firstBeyond(set, (needBytes * speed) / together)
    const bytes = (set.endBytes[to - 1] ?? 0) - (set.endBytes[from - 1] ?? 0)
    seconds = Math.max(seconds, bytes / bytesPerSecond)
    cost += bytes * costPerByte
    const segments = runOf(set, from, to)
    from = to
    return segments.length === 0 ? [] : [{ deviceId, linkId, segments }]
  })
  return { kind: 'assigned', assignments, seconds, cost, optimal: links.length === 1 }
}

/** Index of the first segment whose middle lies at `bytes` or beyond. */
function firstBeyond({ endBytes }: FullSet, bytes: number): number {
  let [low, high] = [0, endBytes.length]
  while (low < high) {
    const probe = (low + high) >> 1
    if (((endBytes[probe - 1] ?? 0) + (endBytes[probe] ?? 0)) / 2 < bytes) low = probe + 1
    else high = probe
  }
  return low
}

/** Ranges of the taken segments from the `from`th to before the `to`th. */
function runOf({ taken, numbers }: FullSet, from: number, to: number): SegmentRanges {
  if (from === to) return []
  if (from === 0 && to === numbers.length) return taken
  const [first, last] = [numbers[from] ?? 0, numbers[to - 1] ?? 0]
  return taken
    .filter((range) => range[1] > first && range[0] <= last)
    .map((range) => [Math.max(range[0], first), Math.min(range[1], last + 1)] as const)
}
