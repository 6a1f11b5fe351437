/**
 * Places what is left, the largest first, each where it is done soonest or costs least. Pure but for the workload it fills.
 *
 * By time, for n links that all may take everything: no later than the optimum by (n - 1) times the largest segment
 * divided by the speed of all links. The last segment to finish finished no later than it would have on any link, so
 * each link i satisfies T * speed_i <= load_i + size; the sum over links is that bound (DL-7).
 */

import {
  at,
  fits,
  largestFirst,
  type Objective,
  type PlacementProblem,
  put,
  sizeOf,
  type Workload,
} from './placement.ts'

/** Places every segment that is not placed yet; false if one fits nowhere, and then `work` is half done. */
export function placeLargest(problem: PlacementProblem, work: Workload, objective: Objective): boolean {
  return largestFirst(problem, notPlaced(work)).every((segment) => {
    const link = bestLink(problem, work, segment, objective)
    if (link >= 0) put(problem, work, segment, link)
    return link >= 0
  })
}

/** Places what is left where the least room stays: more fits in, at the price of time. False as above. */
export function placeTightest(problem: PlacementProblem, work: Workload): boolean {
  return largestFirst(problem, notPlaced(work)).every((segment) => {
    let best = -1
    for (let link = 0; link < problem.deviceOf.length; link++) {
      if (!fits(problem, work, segment, link)) continue
      if (best < 0 || roomAt(problem, work, link) < roomAt(problem, work, best)) best = link
    }
    if (best >= 0) put(problem, work, segment, best)
    return best >= 0
  })
}

/** The link that would have the segment soonest, or for the least; -1 if it fits nowhere. The innermost of all loops: a call less counts. */
export function bestLink(problem: PlacementProblem, work: Workload, segment: number, objective: Objective): number {
  const bytes = sizeOf(problem, segment)
  const takers = problem.takes[at(problem.classOf, segment)] ?? new Uint8Array(0)
  const { deviceOf, costPerByte, secondsPerByte, readySeconds } = problem
  const { loadBytes, roomBytes } = work
  const byTime = objective === 'time'
  const links = deviceOf.length
  let [best, bestSeconds, bestCost] = [-1, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (let link = 0; link < links; link++) {
    const carried = (loadBytes[link] as number) + bytes
    const seconds = (readySeconds[link] as number) + carried * (secondsPerByte[link] as number)
    const cost = costPerByte[link] as number
    if (byTime) {
      if (seconds > bestSeconds || (seconds === bestSeconds && cost >= bestCost)) continue
    } else if (cost > bestCost || (cost === bestCost && seconds >= bestSeconds)) continue
    const device = deviceOf[link] as number
    if (takers[device] !== 1 || (roomBytes[device] as number) < bytes) continue
    best = link
    bestSeconds = seconds
    bestCost = cost
  }
  return best
}

function* notPlaced(work: Workload): Generator<number> {
  for (const [segment, link] of work.linkOf.entries()) if (link < 0) yield segment
}

function roomAt(problem: PlacementProblem, work: Workload, link: number): number {
  return at(work.roomBytes, at(problem.deviceOf, link))
}
