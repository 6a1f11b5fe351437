/** In proportion to bandwidth: each link gets a run of the data set as long as it is fast. Rule DL-9. */

import { cutRuns, withinLimits } from '../cutRuns.ts'
import { at, type PlacementProblem } from '../placement.ts'
import type { Placement } from '../solve.ts'

/** Places runs whose octets are in proportion to the speed of their links. */
export function bandwidthProportional(problem: PlacementProblem): Placement {
  return withinLimits(
    problem,
    cutRuns(problem, (link) => 1 / at(problem.secondsPerByte, link)),
  )
}
