/** Odd and even, or every third: segments go to the devices in turn, in the user's order. Rule DL-9. */

import { withinLimits } from '../cutRuns.ts'
import { at, emptyWorkload, finishOf, type PlacementProblem, put, sizeOf, takesClass } from '../placement.ts'
import type { Placement } from '../solve.ts'

/** Places segments in turn; among the links of a device each goes where it is done soonest. */
export function oddEven(problem: PlacementProblem): Placement {
  const linksOf: number[][] = problem.devices.map(() => [])
  for (const [link, device] of problem.deviceOf.entries()) linksOf[device]?.push(link)
  const turns = problem.takes.map((_, ofClass) => ({
    devices: [...problem.devices.keys()].filter((device) => takesClass(problem, ofClass, device)),
    next: 0,
  }))
  const work = emptyWorkload(problem)
  for (let segment = 0; segment < problem.segments.length; segment++) {
    const turn = turns[at(problem.classOf, segment)]
    if (turn === undefined) continue
    const device = at(turn.devices, turn.next++ % turn.devices.length)
    const soonest = (linksOf[device] ?? []).reduce((best, link) =>
      finishOf(problem, work, link, sizeOf(problem, segment)) < finishOf(problem, work, best, sizeOf(problem, segment))
        ? link
        : best,
    )
    put(problem, work, segment, soonest)
  }
  return withinLimits(problem, work.linkOf)
}
