/**
 * Assigns anew what nobody who is there holds yet, when speeds changed or devices went or came. Pure. Rules DL-11, DL-12.
 */

import type { Assigned, Assignment, Impossibility } from '../../schemas/delivery/assignment.ts'
import type { DeliverySegment } from '../../schemas/delivery/dataSet.ts'
import type { StrategyName } from '../../schemas/delivery/preferences.ts'
import { numbersOf, rangesOf, type SegmentRanges } from '../../schemas/delivery/segmentRanges.ts'
import type { Participant } from './availability.ts'
import { at, openProblem, type PlacementProblem } from './placement.ts'
import { assignedOf, linkNameOf } from './planDelivery.ts'
import { rebalance } from './rebalance.ts'
import { ROUNDING } from './searchPlacement.ts'

/** A segment that a link has begun to fetch. */
export interface InFlight {
  readonly deviceId: string
  readonly linkId: string
  readonly segment: number
  /** Octets still to come. */
  readonly leftBytes: number
}

/** How things stand. */
export interface Situation {
  readonly strategy: Exclude<StrategyName, 'full'>
  readonly segments: readonly DeliverySegment[]
  /** Those that are there, as they are now: their speeds, and the room that is left after what they drew. */
  readonly devices: readonly Participant[]
  /** Who was to fetch what, lost devices and what is fetched included. */
  readonly current: readonly Assignment[]
  /** What each device holds; those that are not there count for nothing. */
  readonly held: ReadonlyMap<string, SegmentRanges>
  readonly inFlight: readonly InFlight[]
  /** Devices that do not take over: they fetch no more octets than they were to. */
  readonly declined?: ReadonlySet<string>
}

/** The new assignment of everything that is still to be fetched, what is in flight included. */
export interface Reassigned extends Assigned {
  /** Segments that went from one link that is there to another. */
  readonly moved: number
}

/** Gives what is missing to links that are there. */
export function reassign(situation: Situation): Reassigned | Impossibility {
  const there = new Set(situation.devices.map(({ deviceId }) => deviceId))
  const have = new Uint8Array(situation.segments.length)
  for (const [deviceId, ranges] of situation.held)
    if (there.has(deviceId)) for (const number of numbersOf(ranges)) have[number] = 1
  const missing = situation.segments.filter(({ number }) => have[number] === 0)
  const flights = situation.inFlight.filter(({ segment }) => have[segment] === 0)
  const kept = attempt(situation, missing, flights)
  if (flights.length === 0) return kept
  const latest = kept.kind === 'assigned' ? kept.seconds * (1 - ROUNDING) : 0
  const slow = flights.filter((flight) => secondsLeft(situation, flight) >= latest)
  if (slow.length === 0) return kept
  // What is in flight is last of all: on another link it may be there sooner although it begins again.
  const released = attempt(
    situation,
    missing,
    flights.filter((flight) => !slow.includes(flight)),
  )
  if (kept.kind === 'impossible') return released
  return released.kind === 'assigned' && released.seconds < kept.seconds ? released : kept
}

function secondsLeft({ devices }: Situation, { deviceId, linkId, leftBytes }: InFlight): number {
  const link = devices.find((device) => device.deviceId === deviceId)?.links.find((each) => each.linkId === linkId)
  return link === undefined ? 0 : leftBytes / link.bytesPerSecond
}

/** Reassigns while `flights` stay where they are, as far as their links are there. */
function attempt(
  situation: Situation,
  missing: readonly DeliverySegment[],
  flights: readonly InFlight[],
): Reassigned | Impossibility {
  const linkNames = situation.devices.flatMap(({ deviceId, links }) =>
    links.map(({ linkId }) => keyOf(deviceId, linkId)),
  )
  const linkOfName = new Map(linkNames.map((name, link) => [name, link]))
  const staying = flights.filter(({ deviceId, linkId }) => linkOfName.has(keyOf(deviceId, linkId)))
  const flying = new Set(staying.map(({ segment }) => segment))
  const waiting = missing.filter(({ number }) => !flying.has(number))
  const assignedTo = linksByNumber(situation, linkOfName)
  const devices = situation.devices.map((device) => withRoomLeft(situation, device, staying, missing))
  const { problem } = openProblem(waiting, devices, readySecondsOf(situation, staying))
  const current = Int32Array.from(problem.segments, ({ number }) => at(assignedTo, number))
  const placement = rebalance(problem, current, situation.strategy)
  if (placement.kind === 'impossible') return placement
  const { linkOf } = placement.work
  const moved = current.reduce((sum, link, segment) => sum + (link >= 0 && link !== at(linkOf, segment) ? 1 : 0), 0)
  const assigned = assignedOf(problem, placement)
  return { ...assigned, assignments: withFlights(problem, linkOf, staying), moved }
}

/** Of each segment the link that is there and was to fetch it, or -1. */
function linksByNumber({ segments, current }: Situation, linkOfName: ReadonlyMap<string, number>): Int32Array {
  const links = new Int32Array(segments.length).fill(-1)
  for (const { deviceId, linkId, segments: ranges } of current)
    for (const number of numbersOf(ranges)) links[number] = linkOfName.get(keyOf(deviceId, linkId)) ?? -1
  return links
}

function readySecondsOf({ devices }: Situation, flights: readonly InFlight[]): number[] {
  return devices.flatMap(({ deviceId, links }) =>
    links.map(({ linkId, bytesPerSecond }) => {
      const own = flights.filter((flight) => flight.deviceId === deviceId && flight.linkId === linkId)
      return own.reduce((sum, { leftBytes }) => sum + leftBytes, 0) / bytesPerSecond
    }),
  )
}

function withRoomLeft(
  { current, declined }: Situation,
  device: Participant,
  flights: readonly InFlight[],
  missing: readonly DeliverySegment[],
): Participant {
  const own = flights.filter(({ deviceId }) => deviceId === device.deviceId)
  const coming = own.reduce((sum, { leftBytes }) => sum + leftBytes, 0)
  const roomBytes = device.roomBytes - coming
  if (declined?.has(device.deviceId) !== true) return { ...device, roomBytes }
  const mine = new Set(
    current.flatMap(({ deviceId, segments }) => (deviceId === device.deviceId ? [...numbersOf(segments)] : [])),
  )
  for (const { segment } of own) mine.delete(segment)
  const wanted = missing.reduce((sum, { number, sizeBytes }) => sum + (mine.has(number) ? sizeBytes : 0), 0)
  return { ...device, roomBytes: Math.min(roomBytes, wanted) }
}

function withFlights(problem: PlacementProblem, linkOf: Int32Array, flights: readonly InFlight[]): Assignment[] {
  const numbers = new Map<string, { deviceId: string; linkId: string; list: number[] }>()
  const add = (name: { readonly deviceId: string; readonly linkId: string }, number: number): void => {
    const key = keyOf(name.deviceId, name.linkId)
    const entry = numbers.get(key) ?? { deviceId: name.deviceId, linkId: name.linkId, list: [] }
    entry.list.push(number)
    numbers.set(key, entry)
  }
  for (const flight of flights) add(flight, flight.segment)
  for (const [segment, { number }] of problem.segments.entries()) add(linkNameOf(problem, at(linkOf, segment)), number)
  return [...numbers.values()].map(({ deviceId, linkId, list }) => ({ deviceId, linkId, segments: rangesOf(list) }))
}

function keyOf(deviceId: string, linkId: string): string {
  return `${deviceId}\n${linkId}`
}
