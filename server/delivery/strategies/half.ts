/** Half and half, or a third each: each device gets an equal run, in the user's order, over its links by their speed. Rule DL-9. */

import { cutRuns, withinLimits } from '../cutRuns.ts'
import { at, type PlacementProblem } from '../placement.ts'
import type { Placement } from '../solve.ts'

/** Places runs of equal octets, one for each device. */
export function half(problem: PlacementProblem): Placement {
  const speedOf = new Float64Array(problem.devices.length)
  for (const [link, device] of problem.deviceOf.entries())
    speedOf[device] = at(speedOf, device) + 1 / at(problem.secondsPerByte, link)
  return withinLimits(
    problem,
    cutRuns(problem, (link) => 1 / at(problem.secondsPerByte, link) / at(speedOf, at(problem.deviceOf, link))),
  )
}
