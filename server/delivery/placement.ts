/**
 * The planner's problem in numbers: segments, links, who takes what, how much room there is. Segments of types that the
 * same devices take are one class. Pure; only numbers, so that 1,000 devices and 10,000 segments are quick.
 */

import type { DeliverySegment } from '../../schemas/delivery/dataSet.ts'
import type { Participant } from './availability.ts'

/** What is minimized first; the other one breaks ties. */
export type Objective = 'time' | 'cost'

export interface PlacementProblem {
  /** Rising by number; each is taken by a device at least. */
  readonly segments: readonly DeliverySegment[]
  readonly devices: readonly Participant[]
  /** Of each segment its class, of each class which devices take it (1). */
  readonly classOf: Int32Array
  readonly takes: readonly Uint8Array[]
  /** Of each link its device, its number there, how fast and dear it is, and when it can begin (seconds). */
  readonly deviceOf: Int32Array
  readonly numberAtDevice: Int32Array
  readonly secondsPerByte: Float64Array
  readonly costPerByte: Float64Array
  readonly readySeconds: Float64Array
}

/** A placement while it grows; -1 is not placed yet. */
export interface Workload {
  readonly linkOf: Int32Array
  readonly loadBytes: Float64Array
  readonly roomBytes: Float64Array
}

/** Splits `segments` into the problem and those that none of `devices` takes. `readySeconds` is by link, in order. */
export function openProblem(
  segments: readonly DeliverySegment[],
  devices: readonly Participant[],
  readySeconds: readonly number[] = [],
): { readonly problem: PlacementProblem; readonly untaken: readonly DeliverySegment[] } {
  const takes: Uint8Array[] = []
  const classOfType = new Map<string, number>()
  const classOfTakers = new Map<string, number>()
  for (const { type } of segments) {
    if (classOfType.has(type)) continue
    const takers = Uint8Array.from(devices, ({ dataTypes, links }) =>
      links.length > 0 && (dataTypes?.includes(type) ?? true) ? 1 : 0,
    )
    const key = takers.join('')
    const known = classOfTakers.get(key)
    const number = !takers.includes(1) ? -1 : (known ?? takes.push(takers) - 1)
    classOfTakers.set(key, number)
    classOfType.set(type, number)
  }
  const taken = segments.filter(({ type }) => classOfType.get(type) !== -1)
  const links = devices.flatMap((device, at) => device.links.map((link, number) => ({ ...link, at, number })))
  const problem: PlacementProblem = {
    segments: taken,
    devices,
    classOf: Int32Array.from(taken, ({ type }) => classOfType.get(type) ?? -1),
    takes,
    deviceOf: Int32Array.from(links, ({ at }) => at),
    numberAtDevice: Int32Array.from(links, ({ number }) => number),
    secondsPerByte: Float64Array.from(links, ({ bytesPerSecond }) => 1 / bytesPerSecond),
    costPerByte: Float64Array.from(links, ({ costPerByte }) => costPerByte),
    readySeconds: Float64Array.from(links, (_, link) => readySeconds[link] ?? 0),
  }
  return { problem, untaken: segments.filter(({ type }) => classOfType.get(type) === -1) }
}

/** Nothing is placed yet. */
export function emptyWorkload(problem: PlacementProblem): Workload {
  return {
    linkOf: new Int32Array(problem.segments.length).fill(-1),
    loadBytes: new Float64Array(problem.deviceOf.length),
    roomBytes: Float64Array.from(problem.devices, ({ roomBytes }) => roomBytes),
  }
}

/** Everything lies where `linkOf` says. */
export function workloadOf(problem: PlacementProblem, linkOf: Int32Array): Workload {
  const work = emptyWorkload(problem)
  for (const [segment, link] of linkOf.entries()) if (link >= 0) put(problem, work, segment, link)
  return work
}

/** Places a segment. */
export function put(problem: PlacementProblem, work: Workload, segment: number, link: number): void {
  const bytes = sizeOf(problem, segment)
  work.linkOf[segment] = link
  work.loadBytes[link] = at(work.loadBytes, link) + bytes
  const device = at(problem.deviceOf, link)
  work.roomBytes[device] = at(work.roomBytes, device) - bytes
}

/** Whether the link's device takes the segment and has room for it. */
export function fits(problem: PlacementProblem, work: Workload, segment: number, link: number): boolean {
  const device = at(problem.deviceOf, link)
  return (
    takesClass(problem, at(problem.classOf, segment), device) && at(work.roomBytes, device) >= sizeOf(problem, segment)
  )
}

/** When the link would be done with what it has and `moreBytes`, seconds. */
export function finishOf(problem: PlacementProblem, work: Workload, link: number, moreBytes = 0): number {
  return at(problem.readySeconds, link) + (at(work.loadBytes, link) + moreBytes) * at(problem.secondsPerByte, link)
}

/** When the last link is done, and what all of them cost. */
export function figuresOf(
  problem: PlacementProblem,
  work: Workload,
): { readonly seconds: number; readonly cost: number } {
  let [seconds, cost] = [0, 0]
  for (let link = 0; link < problem.deviceOf.length; link++) {
    seconds = Math.max(seconds, finishOf(problem, work, link))
    cost += at(work.loadBytes, link) * at(problem.costPerByte, link)
  }
  return { seconds, cost }
}

/** Indices of segments, the largest first; of equal ones the more urgent. */
export function largestFirst(problem: PlacementProblem, segments: Iterable<number>): number[] {
  const priority = (segment: number): number => problem.segments[segment]?.priority ?? 0
  return [...segments].sort((a, b) => sizeOf(problem, b) - sizeOf(problem, a) || priority(a) - priority(b) || a - b)
}

/** Octets of a segment. */
export function sizeOf(problem: PlacementProblem, segment: number): number {
  return problem.segments[segment]?.sizeBytes ?? 0
}

/** Whether a device takes a class. */
export function takesClass(problem: PlacementProblem, ofClass: number, device: number): boolean {
  return problem.takes[ofClass]?.[device] === 1
}

/** An element that is there. */
export function at(numbers: ArrayLike<number>, index: number): number {
  return numbers[index] as number
}
