/** Shortest time: all devices hold everything soonest. Rule DL-5. */

import type { PlacementProblem } from '../placement.ts'
import { type Placement, solve } from '../solve.ts'

/** Places segments so that the last one has come from the server as soon as possible. */
export function shortestTime(problem: PlacementProblem): Placement {
  return solve(problem, 'time')
}
