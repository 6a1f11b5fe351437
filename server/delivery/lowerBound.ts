/**
 * What no placement can be better than, however segments were cut: links that run until the same moment, and the cheapest
 * link of each segment. Pure.
 */

import { at, type Objective, type PlacementProblem, sizeOf, takesClass } from './placement.ts'

/** Seconds, or cost, that every placement needs at least. Data limits are left out of it. */
export function lowerBound(problem: PlacementProblem, objective: Objective): number {
  const bytesOf = new Float64Array(problem.takes.length)
  const largestOf = new Float64Array(problem.takes.length)
  for (let segment = 0; segment < problem.segments.length; segment++) {
    const ofClass = at(problem.classOf, segment)
    bytesOf[ofClass] = at(bytesOf, ofClass) + sizeOf(problem, segment)
    largestOf[ofClass] = Math.max(at(largestOf, ofClass), sizeOf(problem, segment))
  }
  const all = [...problem.deviceOf.keys()]
  const classes = problem.takes.map((_, ofClass) => ({
    bytes: at(bytesOf, ofClass),
    largest: at(largestOf, ofClass),
    links: all.filter((link) => takesClass(problem, ofClass, at(problem.deviceOf, link))),
  }))
  if (objective === 'cost')
    return classes.reduce(
      (sum, { bytes, links }) => sum + bytes * least(links, (link) => at(problem.costPerByte, link)),
      0,
    )
  const total = classes.reduce((sum, { bytes }) => sum + bytes, 0)
  return Math.max(
    ...problem.readySeconds,
    pouredSeconds(problem, all, total),
    ...classes.flatMap(({ bytes, largest, links }) => [
      pouredSeconds(problem, links, bytes),
      least(links, (link) => at(problem.readySeconds, link) + largest * at(problem.secondsPerByte, link)),
    ]),
  )
}

/** When `bytes` are through if they are poured over `links` like water. */
function pouredSeconds(problem: PlacementProblem, links: readonly number[], bytes: number): number {
  const byReady = links.toSorted((a, b) => at(problem.readySeconds, a) - at(problem.readySeconds, b))
  let [speed, head, seconds] = [0, 0, 0]
  for (const link of byReady) {
    const ready = at(problem.readySeconds, link)
    if (speed > 0 && ready >= seconds) break
    // Those that began before have carried speed * ready - head octets when this one begins.
    speed += 1 / at(problem.secondsPerByte, link)
    head += ready / at(problem.secondsPerByte, link)
    seconds = (bytes + head) / speed
  }
  return bytes === 0 ? 0 : seconds
}

function least(links: readonly number[], valueAt: (link: number) => number): number {
  return links.reduce((best, link) => Math.min(best, valueAt(link)), Number.POSITIVE_INFINITY)
}
