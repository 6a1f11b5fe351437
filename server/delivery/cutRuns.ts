/**
 * Cuts the data set into runs, one for each link, in proportion to weights: a segment lies in the run in which its middle
 * lies, so a run differs from its share by less than the largest segment. Classes are cut one by one. Pure. Rule DL-9.
 */

import { placeLargest } from './placeLargest.ts'
import { at, emptyWorkload, fits, type PlacementProblem, put, sizeOf, takesClass, type Workload } from './placement.ts'
import { type Placement, solve } from './solve.ts'

/** Where each segment lies if it is up to the weights of the links alone, which are above 0. */
export function cutRuns(problem: PlacementProblem, weightOf: (link: number) => number): Int32Array {
  const linkOf = new Int32Array(problem.segments.length).fill(-1)
  for (let ofClass = 0; ofClass < problem.takes.length; ofClass++) {
    const links = [...problem.deviceOf.keys()].filter((link) =>
      takesClass(problem, ofClass, at(problem.deviceOf, link)),
    )
    const members = [...problem.segments.keys()].filter((segment) => at(problem.classOf, segment) === ofClass)
    const bytes = members.reduce((sum, segment) => sum + sizeOf(problem, segment), 0)
    const weight = links.reduce((sum, link) => sum + weightOf(link), 0)
    let [run, runEnd, begin] = [-1, 0, 0]
    for (const segment of members) {
      const middle = begin + sizeOf(problem, segment) / 2
      while (run < links.length - 1 && middle >= runEnd) runEnd += (bytes * weightOf(at(links, ++run))) / weight
      linkOf[segment] = at(links, run)
      begin += sizeOf(problem, segment)
    }
  }
  return linkOf
}

/**
 * What a rule wants, within the limits: segments for which the wanted device has no room are placed where they are done
 * soonest; if one fits nowhere, the rule gives way to a placement that keeps to the limits.
 */
export function withinLimits(problem: PlacementProblem, wanted: Int32Array): Placement {
  const work: Workload = emptyWorkload(problem)
  for (const [segment, link] of wanted.entries())
    if (fits(problem, work, segment, link)) put(problem, work, segment, link)
  return placeLargest(problem, work, 'time') ? { kind: 'placed', work, optimal: false } : giveWay(problem)
}

function giveWay(problem: PlacementProblem): Placement {
  const solved = solve(problem, 'time')
  return solved.kind === 'placed' ? { ...solved, optimal: false } : solved
}
