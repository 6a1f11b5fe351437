/**
 * The best placement there is, or why there is none. Pure. Rules DL-5 to DL-8.
 *
 * Segments of one size: exact (`placeEqual`). All of one size and one smaller, as a stream cut in pieces ends: the same,
 * and the smaller one last, where it is done soonest. Without limits and types that is exact: if the others leave a slot
 * free in their time it fits there; otherwise all slots until then are taken in every optimum, and it can only go where
 * its link is done first. Other sizes: the largest first, then a search if they are few.
 */

import type { Impossibility } from '../../schemas/delivery/assignment.ts'
import { lowerBound } from './lowerBound.ts'
import { placeEqual } from './placeEqual.ts'
import { bestLink, placeLargest, placeTightest } from './placeLargest.ts'
import {
  at,
  emptyWorkload,
  largestFirst,
  type Objective,
  type PlacementProblem,
  put,
  sizeOf,
  type Workload,
} from './placement.ts'
import { MAX_SEARCHED_SEGMENTS, objectiveValue, ROUNDING, searchPlacement } from './searchPlacement.ts'

/** A placement of every segment, within all limits. */
export interface Placed {
  readonly kind: 'placed'
  readonly work: Workload
  /** Nothing is better by the objective. False says that this is not known. */
  readonly optimal: boolean
}

export type Placement = Placed | Impossibility

/** Places all segments so that the last is there soonest, or that they cost least. */
export function solve(problem: PlacementProblem, objective: Objective): Placement {
  const refused = obviouslyImpossible(problem)
  if (refused !== undefined) return refused
  const order = largestFirst(problem, problem.segments.keys())
  const equal = order.filter((segment) => sizeOf(problem, segment) === sizeOf(problem, order[0] ?? 0))
  if (equal.length === order.length) {
    const work = placeEqual(problem, equal, objective)
    return work === undefined ? impossible(problem, 'data-limits', true) : { kind: 'placed', work, optimal: true }
  }
  const smaller = order.length - equal.length === 1 ? placeAndOneSmaller(problem, order, objective) : undefined
  if (smaller?.optimal === true) return smaller
  const found = smaller?.work ?? placeUnequal(problem, objective)
  if (found !== undefined && isAtBound(problem, found, objective)) return { kind: 'placed', work: found, optimal: true }
  if (order.length > MAX_SEARCHED_SEGMENTS)
    return found === undefined
      ? impossible(problem, 'data-limits', false)
      : { kind: 'placed', work: found, optimal: false }
  const { best, complete } = searchPlacement(problem, found, objective)
  return best === undefined
    ? impossible(problem, 'data-limits', complete)
    : { kind: 'placed', work: best, optimal: complete }
}

/** What no placement can help. */
function obviouslyImpossible(problem: PlacementProblem): Impossibility | undefined {
  if (problem.segments.length > 0 && problem.deviceOf.length === 0) return impossible(problem, 'no-link', true)
  const roomOf = problem.takes.map((takers) =>
    problem.devices.reduce(
      (most, { roomBytes }, device) => (takers[device] === 1 ? Math.max(most, roomBytes) : most),
      0,
    ),
  )
  for (let segment = 0; segment < problem.segments.length; segment++)
    if (sizeOf(problem, segment) > at(roomOf, at(problem.classOf, segment)))
      return impossible(problem, 'segment-too-large', true)
  const { needBytes, roomBytes } = needAndRoom(problem)
  return needBytes > roomBytes ? impossible(problem, 'data-limits', true) : undefined
}

/** The verdict that it is impossible, with what is needed and what there is. */
export function impossible(problem: PlacementProblem, reason: Impossibility['reason'], proven: boolean): Impossibility {
  const { needBytes, roomBytes } = needAndRoom(problem)
  return { kind: 'impossible', reason, proven, needBytes, roomBytes: Number.isFinite(roomBytes) ? roomBytes : null }
}

function needAndRoom(problem: PlacementProblem): { readonly needBytes: number; readonly roomBytes: number } {
  return {
    needBytes: problem.segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    roomBytes: problem.devices.reduce((sum, { roomBytes }) => sum + Math.max(0, roomBytes), 0),
  }
}

function placeAndOneSmaller(
  problem: PlacementProblem,
  order: readonly number[],
  objective: Objective,
): Placed | undefined {
  const smaller = order.at(-1) ?? 0
  const work = placeEqual(problem, order.slice(0, -1), objective)
  if (work === undefined) return undefined
  const withoutIt = objectiveValue(problem, work, objective)
  const link = bestLink(problem, work, smaller, objective)
  if (link < 0) return undefined
  put(problem, work, smaller, link)
  const free =
    problem.takes.length === 1 && problem.devices.every(({ roomBytes }) => roomBytes === Number.POSITIVE_INFINITY)
  return { kind: 'placed', work, optimal: free || objectiveValue(problem, work, objective) === withoutIt }
}

function placeUnequal(problem: PlacementProblem, objective: Objective): Workload | undefined {
  const work = emptyWorkload(problem)
  if (placeLargest(problem, work, objective)) return work
  const tight = emptyWorkload(problem)
  return placeTightest(problem, tight) ? tight : undefined
}

function isAtBound(problem: PlacementProblem, work: Workload, objective: Objective): boolean {
  return objectiveValue(problem, work, objective) <= lowerBound(problem, objective) * (1 + ROUNDING)
}
