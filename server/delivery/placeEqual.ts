/**
 * Places segments of one size so that no placement is better: exact, with data limits and types.
 *
 * A link has slots: the first segment it takes is done then, the second then, and so on. Sets of slots that can be filled
 * at once (by classes that the device takes, within its data limit) are the independent sets of a matroid: they are what
 * a flow from classes over devices can reach. So taking the least slot that still can be filled, again and again, ends
 * with slots whose largest is least, and whose sum is least. A slot that cannot be filled closes its device: no later one
 * of that device can. Pure. Rule DL-6.
 */

import { inFetchOrder } from '../../schemas/delivery/dataSet.ts'
import { CodedError } from '../../schemas/errors.ts'
import { Heap } from './heap.ts'
import { at, emptyWorkload, type Objective, type PlacementProblem, put, sizeOf, type Workload } from './placement.ts'
import { SlotFlow } from './slotFlow.ts'

interface Slot {
  readonly link: number
  readonly seconds: number
}

/** Places `members`, which have one size; undefined if they do not all fit, whatever one does. */
export function placeEqual(
  problem: PlacementProblem,
  members: readonly number[],
  objective: Objective,
): Workload | undefined {
  const work = emptyWorkload(problem)
  const [first] = members
  if (first === undefined) return work
  const flow = new SlotFlow(problem, members, sizeOf(problem, first))
  const slots = chooseSlots(problem, flow, sizeOf(problem, first), members.length, objective)
  if (slots === undefined) return undefined
  // The most urgent segments get the slots that are done first. The next one of a class is its queue's last.
  const queues: number[][] = problem.takes.map(() => [])
  for (const segment of lastFirst(problem, members)) queues[at(problem.classOf, segment)]?.push(segment)
  for (const { link } of slots.sort((a, b) => a.seconds - b.seconds)) {
    const device = at(problem.deviceOf, link)
    const mostUrgent = flow
      .classesAt(device)
      .reduce((best, each) => (isBefore(problem, queues[each]?.at(-1), queues[best]?.at(-1)) ? each : best))
    const segment = queues[mostUrgent]?.pop()
    if (segment === undefined) throw new CodedError('internal', 'a filled slot has no segment')
    flow.settle(device, mostUrgent)
    put(problem, work, segment, link)
  }
  return work
}

/** The least slots that can be filled at once, as many as there are segments; undefined if there are fewer. */
function chooseSlots(
  problem: PlacementProblem,
  flow: SlotFlow,
  bytes: number,
  count: number,
  objective: Objective,
): Slot[] | undefined {
  const links = [...problem.deviceOf.keys()]
  const taken = new Int32Array(links.length)
  const seconds = Float64Array.from(links, (link) => slotSeconds(problem, link, bytes, 1))
  const byTime = (a: number, b: number): number => at(seconds, a) - at(seconds, b)
  const byCost = (a: number, b: number): number => at(problem.costPerByte, a) - at(problem.costPerByte, b)
  const heap = new Heap(links, (a, b) => {
    const difference = objective === 'time' ? byTime(a, b) || byCost(a, b) : byCost(a, b) || byTime(a, b)
    return difference < 0 || (difference === 0 && a < b)
  })
  const slots: Slot[] = []
  while (slots.length < count) {
    const link = heap.least()
    if (link === undefined) return undefined
    if (!flow.fill(at(problem.deviceOf, link))) {
      heap.drop()
      continue
    }
    slots.push({ link, seconds: at(seconds, link) })
    taken[link] = at(taken, link) + 1
    seconds[link] = slotSeconds(problem, link, bytes, at(taken, link) + 1)
    heap.settle()
  }
  return slots
}

function slotSeconds(problem: PlacementProblem, link: number, bytes: number, nth: number): number {
  return at(problem.readySeconds, link) + nth * bytes * at(problem.secondsPerByte, link)
}

function lastFirst(problem: PlacementProblem, members: readonly number[]): number[] {
  return members.toSorted((a, b) => (isBefore(problem, a, b) ? 1 : -1))
}

function isBefore(problem: PlacementProblem, one: number | undefined, other: number | undefined): boolean {
  const [first, second] = [problem.segments[one ?? -1], problem.segments[other ?? -1]]
  return first !== undefined && (second === undefined || inFetchOrder(first, second) < 0)
}
