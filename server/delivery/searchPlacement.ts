/**
 * Searches all placements of few segments for the best one (branch and bound). Exact if it comes to its end; it always
 * does for up to 8 segments and 4 links, whose placements are fewer than `MAX_STEPS`. Pure. Rule DL-7.
 */

import { lowerBound } from './lowerBound.ts'
import {
  at,
  emptyWorkload,
  figuresOf,
  finishOf,
  fits,
  largestFirst,
  type Objective,
  type PlacementProblem,
  sizeOf,
  type Workload,
  workloadOf,
} from './placement.ts'

/** Beyond this many segments a placement that was made at once is so near to the best that a search is not worth it. */
export const MAX_SEARCHED_SEGMENTS = 24

/** Placements of single segments that are tried: some tens of milliseconds. More than 4 + 4^2 + … + 4^8. */
const MAX_STEPS = 100_000

/** Rounding of sums; less than this is no improvement. */
export const ROUNDING = 1e-12

export interface SearchResult {
  /** The best that was found, or the one it began with; undefined if there is none. */
  readonly best: Workload | undefined
  /** Nothing is better than `best`: all placements were looked at, or could be left out. */
  readonly complete: boolean
}

/** Searches from `begin`, the best placement known so far, if any. */
export function searchPlacement(
  problem: PlacementProblem,
  begin: Workload | undefined,
  objective: Objective,
): SearchResult {
  const order = largestFirst(problem, problem.segments.keys())
  const rest = order.map((_, depth) => order.slice(depth).reduce((sum, segment) => sum + sizeOf(problem, segment), 0))
  const bound = lowerBound(problem, objective)
  const work = emptyWorkload(problem)
  let best = begin
  let value = begin === undefined ? Number.POSITIVE_INFINITY : objectiveValue(problem, begin, objective)
  let steps = 0

  const visit = (depth: number, cost: number): void => {
    const segment = order[depth]
    if (segment === undefined) {
      best = workloadOf(problem, work.linkOf)
      value = objectiveValue(problem, best, objective)
      return
    }
    for (let link = 0; link < problem.deviceOf.length; link++) {
      if (steps > MAX_STEPS || value <= bound * (1 + ROUNDING)) return
      if (!fits(problem, work, segment, link)) continue
      steps++
      const bytes = sizeOf(problem, segment)
      const nextCost = cost + bytes * at(problem.costPerByte, link)
      if (!canImprove(finishOf(problem, work, link, bytes), nextCost)) continue
      place(problem, work, segment, link, bytes)
      if (objective === 'cost' || hasTime(rest[depth + 1] ?? 0)) visit(depth + 1, nextCost)
      place(problem, work, segment, link, -bytes)
    }
  }
  const canImprove = (seconds: number, cost: number): boolean =>
    (objective === 'time' ? seconds : cost) < value * (1 - ROUNDING)
  /** Whether the links can carry so many octets before they would be as late as the best placement. */
  const hasTime = (bytes: number): boolean => {
    if (value === Number.POSITIVE_INFINITY) return true
    let room = 0
    for (let link = 0; link < problem.deviceOf.length; link++)
      room += Math.max(0, value - finishOf(problem, work, link)) / at(problem.secondsPerByte, link)
    return room * (1 + ROUNDING) >= bytes
  }
  visit(0, 0)
  return { best, complete: steps <= MAX_STEPS }
}

/** What the objective minimizes. */
export function objectiveValue(problem: PlacementProblem, work: Workload, objective: Objective): number {
  const { seconds, cost } = figuresOf(problem, work)
  return objective === 'time' ? seconds : cost
}

function place(problem: PlacementProblem, work: Workload, segment: number, link: number, bytes: number): void {
  const device = at(problem.deviceOf, link)
  work.linkOf[segment] = bytes > 0 ? link : -1
  work.loadBytes[link] = at(work.loadBytes, link) + bytes
  work.roomBytes[device] = at(work.roomBytes, device) - bytes
}
