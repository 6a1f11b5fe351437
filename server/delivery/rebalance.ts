/**
 * Changes a placement as little as needed: what has a link stays there unless that would be too late or too dear. Pure.
 * Rule DL-12.
 */

import { inFetchOrder } from '../../schemas/delivery/dataSet.ts'
import type { StrategyName } from '../../schemas/delivery/preferences.ts'
import { placeLargest } from './placeLargest.ts'
import {
  at,
  emptyWorkload,
  figuresOf,
  finishOf,
  fits,
  type PlacementProblem,
  put,
  sizeOf,
  type Workload,
} from './placement.ts'
import { ROUNDING } from './searchPlacement.ts'
import { type Placement, solve } from './solve.ts'

/** So much later than planned anew is not worth moving segments for. */
export const TOLERANCE = 0.05

/** What is kept to by each strategy when something changes: half and odd/even mean shares, not speed. */
const AIM: Readonly<Record<Exclude<StrategyName, 'full'>, 'time' | 'cost' | 'shares'>> = {
  bandwidthProportional: 'time',
  shortestTime: 'time',
  lowestCost: 'cost',
  half: 'shares',
  oddEven: 'shares',
}

/** Places everything, from where it is now: `current` has the link of each segment, or -1. */
export function rebalance(
  problem: PlacementProblem,
  current: Int32Array,
  strategy: Exclude<StrategyName, 'full'>,
): Placement {
  const aim = AIM[strategy]
  const anew = solve(problem, aim === 'cost' ? 'cost' : 'time')
  if (anew.kind === 'impossible') return anew
  const best = figuresOf(problem, anew.work)
  const latest = aim === 'shares' ? Number.POSITIVE_INFINITY : best.seconds * (1 + TOLERANCE + ROUNDING)
  const dearest = aim === 'cost' ? best.cost * (1 + ROUNDING) : Number.POSITIVE_INFINITY
  const work = keep(problem, current, latest)
  if (!placeLargest(problem, work, aim === 'cost' ? 'cost' : 'time')) return anew
  const { seconds, cost } = figuresOf(problem, work)
  if (seconds > latest || cost > dearest) return anew
  const asGood = aim === 'cost' || (aim === 'time' && seconds <= best.seconds * (1 + ROUNDING))
  return { kind: 'placed', work, optimal: anew.optimal && asGood }
}

/** What can stay: the most urgent of each link, as long as they are done in time. */
function keep(problem: PlacementProblem, current: Int32Array, latestSeconds: number): Workload {
  const work = emptyWorkload(problem)
  for (const segment of inOrder(problem)) {
    const link = at(current, segment)
    if (link < 0 || !fits(problem, work, segment, link)) continue
    if (finishOf(problem, work, link, sizeOf(problem, segment)) <= latestSeconds) put(problem, work, segment, link)
  }
  return work
}

function inOrder(problem: PlacementProblem): number[] {
  return problem.segments
    .map((segment, index) => ({ segment, index }))
    .sort((a, b) => inFetchOrder(a.segment, b.segment))
    .map(({ index }) => index)
}
