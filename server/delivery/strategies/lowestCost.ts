/** Lowest cost: the links together cost least; of equally cheap ones those that are done soonest. Rule DL-5. */

import type { PlacementProblem } from '../placement.ts'
import { type Placement, solve } from '../solve.ts'

/** Places segments so that fetching them costs as little as possible. */
export function lowestCost(problem: PlacementProblem): Placement {
  return solve(problem, 'cost')
}
