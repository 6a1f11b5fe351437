/**
 * Plans a Delivery: who shares with whom and who gets everything by itself, and which segments each device fetches over
 * which link. Pure. Rules DL-1 to DL-10.
 */

import type { AlonePart, AloneReason, Assigned, Plan, SharedPart } from '../../schemas/delivery/assignment.ts'
import type { DataSet, DeliverySegment } from '../../schemas/delivery/dataSet.ts'
import type { DeviceDescription } from '../../schemas/delivery/deviceDescription.ts'
import type { DeliveryPreferences, StrategyName } from '../../schemas/delivery/preferences.ts'
import { rangesOf } from '../../schemas/delivery/segmentRanges.ts'
import { absenceOf, type Participant, participantOf } from './availability.ts'
import { groupCollocated } from './collocation.ts'
import { at, figuresOf, openProblem, type PlacementProblem } from './placement.ts'
import { impossible, type Placed, type Placement } from './solve.ts'
import { bandwidthProportional } from './strategies/bandwidthProportional.ts'
import { type FullSet, full, fullSetOf } from './strategies/full.ts'
import { half } from './strategies/half.ts'
import { lowestCost } from './strategies/lowestCost.ts'
import { oddEven } from './strategies/oddEven.ts'
import { shortestTime } from './strategies/shortestTime.ts'

/** The strategies by which devices share. */
export const STRATEGIES: Readonly<Record<Exclude<StrategyName, 'full'>, (problem: PlacementProblem) => Placement>> = {
  bandwidthProportional,
  shortestTime,
  lowestCost,
  half,
  oddEven,
}

/** Plans at `now` (milliseconds) for the devices of `preferences`; a device that did not describe itself is unknown. */
export function planDelivery(
  { dataSetId, segments }: DataSet,
  descriptions: readonly DeviceDescription[],
  preferences: DeliveryPreferences,
  now: number,
): Plan {
  const { strategy } = preferences
  const described = new Map(descriptions.map((device) => [device.deviceId, device]))
  const alone: { readonly reason: AloneReason; readonly participant: Participant }[] = []
  const present: (DeviceDescription & { readonly participant: Participant })[] = []
  for (const preference of preferences.devices) {
    const device = described.get(preference.deviceId)
    if (device === undefined) {
      const nothing = { links: [], roomBytes: Number.POSITIVE_INFINITY, dataTypes: preference.dataTypes }
      alone.push({ reason: 'unknown', participant: { deviceId: preference.deviceId, ...nothing } })
      continue
    }
    const participant = participantOf(device, preference)
    const reason = absenceOf(device, now) ?? (strategy === 'full' ? 'strategy' : undefined)
    if (reason === undefined) present.push({ ...device, participant })
    else alone.push({ reason, participant })
  }
  const shared: SharedPart[] = []
  for (const group of groupCollocated(present, now)) {
    const participants = group.map(({ participant }) => participant)
    if (strategy === 'full' || participants.length === 1)
      alone.push(...participants.map((participant) => ({ reason: 'not-collocated', participant }) as const))
    else shared.push(planShared(segments, participants, STRATEGIES[strategy]))
  }
  return { dataSetId, strategy, shared, alone: planAlone(segments, alone) }
}

function planShared(
  segments: readonly DeliverySegment[],
  participants: readonly Participant[],
  strategy: (problem: PlacementProblem) => Placement,
): SharedPart {
  const devices = participants.map(({ deviceId }) => deviceId)
  if (participants.every(({ links }) => links.length === 0)) {
    const { problem } = openProblem([], participants)
    return { devices, untaken: [], verdict: impossible({ ...problem, segments }, 'no-link', true) }
  }
  const { problem, untaken } = openProblem(segments, participants)
  const placement = strategy(problem)
  const verdict = placement.kind === 'placed' ? assignedOf(problem, placement) : placement
  return { devices, untaken: rangesOf(untaken.map(({ number }) => number)), verdict }
}

function planAlone(
  segments: readonly DeliverySegment[],
  devices: readonly { readonly reason: AloneReason; readonly participant: Participant }[],
): AlonePart[] {
  const sets = new Map<string, FullSet>()
  return devices.map(({ reason, participant }) => {
    const key = participant.dataTypes === undefined ? '' : `of ${participant.dataTypes.toSorted().join()}`
    const set = sets.get(key) ?? fullSetOf(segments, participant.dataTypes)
    sets.set(key, set)
    return { deviceId: participant.deviceId, reason, untaken: set.untaken, verdict: full(set, participant) }
  })
}

/** A placement in the words of the wire: links that fetch nothing are not named. */
export function assignedOf(problem: PlacementProblem, { work, optimal }: Placed): Assigned {
  const numbers: number[][] = Array.from(problem.deviceOf, () => [])
  for (const [segment, { number }] of problem.segments.entries()) numbers[at(work.linkOf, segment)]?.push(number)
  const assignments = numbers.flatMap((segments, link) =>
    segments.length === 0 ? [] : [{ ...linkNameOf(problem, link), segments: rangesOf(segments) }],
  )
  return { kind: 'assigned', assignments, ...figuresOf(problem, work), optimal }
}

/** Which link of which device that is. */
export function linkNameOf(
  problem: PlacementProblem,
  link: number,
): { readonly deviceId: string; readonly linkId: string } {
  const device = problem.devices[at(problem.deviceOf, link)]
  return { deviceId: device?.deviceId ?? '', linkId: device?.links[at(problem.numberAtDevice, link)]?.linkId ?? '' }
}
