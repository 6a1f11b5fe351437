/**
 * A set of segments as ranges: what a device holds, short on the wire and in the catalogue (WF-34).
 */

import { z } from 'zod'
import { MAX_DELIVERY_SEGMENTS } from '../limits.ts'

const bound = z.int().min(0).max(MAX_DELIVERY_SEGMENTS)

/** Ranges `[from, to)` that rise and do not touch. */
export const segmentRanges = z
  .array(z.tuple([bound, bound]))
  .max(MAX_DELIVERY_SEGMENTS)
  .refine(
    (ranges) => ranges.every(([from, to], index) => from < to && from > (ranges[index - 1]?.[1] ?? -1)),
    'ranges rise and do not touch',
  )
export type SegmentRanges = readonly (readonly [from: number, to: number])[]

/** The ranges of `numbers`, which come in any order and may repeat. */
export function rangesOf(numbers: Iterable<number>): SegmentRanges {
  const ranges: [number, number][] = []
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last !== undefined && number <= last[1]) last[1] = Math.max(last[1], number + 1)
    else ranges.push([number, number + 1])
  }
  return ranges
}

/** What is in one of the two, or in both. */
export function unionOf(one: SegmentRanges, other: SegmentRanges): SegmentRanges {
  const joined: [number, number][] = []
  for (const [from, to] of [...one, ...other].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1)
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to)
    else joined.push([from, to])
  }
  return joined
}

/** What is in `ranges` and not in `taken`. */
export function withoutRanges(ranges: SegmentRanges, taken: SegmentRanges): SegmentRanges {
  const left: [number, number][] = []
  let next = 0
  for (const [from, to] of ranges) {
    let begin = from
    // Those that end before this range begins end before all later ones as well.
    while ((taken[next]?.[1] ?? Number.POSITIVE_INFINITY) <= from) next++
    for (let at = next; begin < to; at++) {
      const [cutFrom, cutTo] = taken[at] ?? [to, to]
      if (cutFrom > begin) left.push([begin, Math.min(cutFrom, to)])
      begin = Math.max(begin, cutTo)
    }
  }
  return left
}

/** How many segments there are. */
export function countOf(ranges: SegmentRanges): number {
  return ranges.reduce((count, [from, to]) => count + to - from, 0)
}

/** Whether everything in `part` is in `whole`. */
export function covers(whole: SegmentRanges, part: SegmentRanges): boolean {
  return countOf(unionOf(whole, part)) === countOf(whole)
}

/** Each segment of the ranges, rising. */
export function* numbersOf(ranges: SegmentRanges): Generator<number> {
  for (const [from, to] of ranges) for (let number = from; number < to; number++) yield number
}
