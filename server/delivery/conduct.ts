/**
 * Conducts a Delivery: decides when it begins, forms the groups that share, and carries each event to the group it
 * concerns, new assignments included. Pure. Rules DL-18 to DL-21.
 */

import type { Assigned, Impossibility } from '../../schemas/delivery/assignment.ts'
import type { DataSet } from '../../schemas/delivery/dataSet.ts'
import type { ProgressReport } from '../../schemas/delivery/progress.ts'
import { absenceOf } from './availability.ts'
import { areCollocated } from './collocation.ts'
import type { Conduct, ConductEvent, JoinedDevice, Part } from './conductState.ts'
import { partOf } from './conductState.ts'
import { newDelivery, transition } from './delivery.ts'
import type { Delivery, DeliveryEvent } from './deliveryState.ts'
import { presentOf } from './members.ts'
import { planDelivery } from './planDelivery.ts'
import { reassign } from './reassign.ts'
import { joiningOf, preferenceOf, situationOf } from './situation.ts'

/** The state after `event` at `now` (milliseconds). No event is an error at any time. */
export function conduct(state: Conduct, dataSet: DataSet, event: ConductEvent, now: number): Conduct {
  const next = follow(state, dataSet, event, now)
  return next.parts.length === 0 && isTimeToBegin(next, now) ? begin(next, dataSet, now) : next
}

function follow(state: Conduct, dataSet: DataSet, event: ConductEvent, now: number): Conduct {
  if (state.ended !== null) return state
  switch (event.kind) {
    case 'joined':
      return join(state, dataSet, event.device, now)
    case 'gone': {
      const away = withDevice(state, event.deviceId, (device) => ({ ...device, gone: true }))
      return inPart(away, dataSet, event.deviceId, { kind: 'lost', deviceId: event.deviceId }, now)
    }
    case 'silent': {
      const member = partOf(state, event.deviceId)?.state.members.find(({ deviceId }) => deviceId === event.deviceId)
      if (member === undefined || member.seenAt > event.since) return state
      return inPart(state, dataSet, event.deviceId, { kind: 'lost', deviceId: event.deviceId }, now)
    }
    case 'progress': {
      const heard = hear(state, event.report, event.addresses, now)
      return inPart(heard, dataSet, event.report.deviceId, { kind: 'progress', report: event.report }, now)
    }
    case 'answered':
      return inPart(state, dataSet, event.deviceId, event, now)
    case 'steered':
      return steer(state, dataSet, event.action, now)
    case 'restarted':
      return { ...state, parts: state.parts.map((part) => heardAnew(part, now)) }
    case 'tick':
      return inAll(state, dataSet, event, now)
  }
}

/** When all that were named are there, or those that are have waited long enough. */
function isTimeToBegin({ preferences, devices, firstJoinAt, waitMs, ended }: Conduct, now: number): boolean {
  if (ended !== null || firstJoinAt === null) return false
  const there = devices.filter(({ gone }) => !gone)
  if (there.length === 0) return false
  const isThere = (deviceId: string) => there.some(({ description }) => description.deviceId === deviceId)
  return now - firstJoinAt >= waitMs || preferences.devices.every(({ deviceId }) => isThere(deviceId))
}

function begin(state: Conduct, dataSet: DataSet, now: number): Conduct {
  const there = state.devices.filter(({ gone }) => !gone)
  const named = state.preferences.devices.filter(({ deviceId }) =>
    there.some(({ description }) => description.deviceId === deviceId),
  )
  // Whoever waited was heard: it waits for an answer of this server.
  const descriptions = there.map(({ description }) => ({ ...description, seenAt: now }))
  const plan = planDelivery(dataSet, descriptions, { ...state.preferences, devices: named }, now)
  const groups = [
    ...plan.shared.map(({ devices, verdict }) => ({ devices, verdict })),
    ...plan.alone.map(({ deviceId, verdict }) => ({ devices: [deviceId], verdict })),
  ]
  const parts = groups.map(({ devices, verdict }) => {
    const members = there.filter(({ description }) => devices.includes(description.deviceId))
    return startPart(state, dataSet, members, verdict, now)
  })
  return { ...state, parts }
}

function startPart(
  state: Conduct,
  dataSet: DataSet,
  devices: readonly JoinedDevice[],
  verdict: Assigned | Impossibility,
  now: number,
): Part {
  const { deliveryId, dataSetId, preferences } = state
  const joining = devices.map((device) => joiningOf(state, dataSet, device))
  const assignments = verdict.kind === 'assigned' ? verdict.assignments : []
  const created = newDelivery({ deliveryId, dataSetId, onLoss: preferences.onLoss }, now)
  const planned = transition(created, { kind: 'planned', members: joining, assignments }, now).state
  const started = run(state, dataSet, { state: planned, publishedAt: now, isFinal: false }, { kind: 'started' }, now)
  if (verdict.kind === 'impossible') return run(state, dataSet, started, { kind: 'unassignable' }, now)
  // What some of them held before is not fetched again.
  const held = joining.some((each) => each.held.length > 0)
  return held && started.state.phase === 'running' ? reassigned(state, dataSet, started, now) : started
}

function join(state: Conduct, dataSet: DataSet, device: JoinedDevice, now: number): Conduct {
  const { deviceId } = device.description
  const isNamed = state.preferences.devices.some((each) => each.deviceId === deviceId)
  const others = state.devices.filter(({ description }) => description.deviceId !== deviceId)
  const next: Conduct = {
    ...state,
    preferences: isNamed
      ? state.preferences
      : { ...state.preferences, devices: [...state.preferences.devices, { deviceId }] },
    devices: [...others, device],
    firstJoinAt: state.firstJoinAt ?? now,
  }
  if (next.parts.length === 0) return next
  const event: DeliveryEvent = { kind: 'joined', member: joiningOf(next, dataSet, device) }
  const own = partOf(next, deviceId)
  if (own !== undefined && !isEnded(own.state)) return inPart(next, dataSet, deviceId, event, now)
  const group = next.parts.find((part) => takesIn(next, part, device, now))
  if (group !== undefined) return withPart(next, group, run(next, dataSet, group, event, now))
  const alone = planDelivery(
    dataSet,
    [{ ...device.description, seenAt: now }],
    { ...next.preferences, devices: [preferenceOf(next, deviceId)] },
    now,
  ).alone[0]
  const verdict = alone?.verdict
  return verdict === undefined
    ? next
    : { ...next, parts: [...next.parts, startPart(next, dataSet, [device], verdict, now)] }
}

/** A late device joins those it sits together with, all of them. */
function takesIn({ devices, preferences }: Conduct, { state }: Part, device: JoinedDevice, now: number): boolean {
  if (isEnded(state) || preferences.strategy === 'full') return false
  const members = presentOf(state.members).flatMap(
    ({ deviceId }) => devices.find(({ description }) => description.deviceId === deviceId) ?? [],
  )
  const near = ({ description }: JoinedDevice) =>
    absenceOf({ ...description, seenAt: now }, now) === undefined && areCollocated(description, device.description, now)
  return members.length > 0 && near(device) && members.every(near)
}

function steer(state: Conduct, dataSet: DataSet, action: 'pause' | 'resume' | 'cancel', now: number): Conduct {
  if (action === 'cancel') return { ...inAll(state, dataSet, { kind: 'cancelled' }, now), ended: 'cancelled' }
  return inAll(state, dataSet, { kind: action === 'pause' ? 'paused' : 'resumed' }, now)
}

function hear(
  state: Conduct,
  { deviceId, inFlight = [] }: ProgressReport,
  addresses: readonly string[] | undefined,
  now: number,
): Conduct {
  return withDevice(state, deviceId, (device) => ({
    ...device,
    inFlight,
    addresses: addresses ?? device.addresses,
    description: { ...device.description, seenAt: now },
  }))
}

function heardAnew(part: Part, now: number): Part {
  if (isEnded(part.state)) return part
  const members = part.state.members.map((member) => ({ ...member, seenAt: now }))
  return { ...part, state: { ...part.state, members } }
}

function withDevice(state: Conduct, deviceId: string, change: (device: JoinedDevice) => JoinedDevice): Conduct {
  const devices = state.devices.map((device) => (device.description.deviceId === deviceId ? change(device) : device))
  return { ...state, devices }
}

function inPart(state: Conduct, dataSet: DataSet, deviceId: string, event: DeliveryEvent, now: number): Conduct {
  const part = partOf(state, deviceId)
  return part === undefined ? state : withPart(state, part, run(state, dataSet, part, event, now))
}

function inAll(state: Conduct, dataSet: DataSet, event: DeliveryEvent, now: number): Conduct {
  const parts = state.parts.map((part) => run(state, dataSet, part, event, now))
  return parts.every((part, index) => part === state.parts[index]) ? state : { ...state, parts }
}

function withPart(state: Conduct, old: Part, part: Part): Conduct {
  return { ...state, parts: state.parts.map((each) => (each === old ? part : each)) }
}

/** Carries out what follows from an event; a new assignment is an event again. The same part if nothing changed. */
function run(context: Conduct, dataSet: DataSet, part: Part, event: DeliveryEvent, now: number): Part {
  const { state, effects } = transition(part.state, event, now)
  let next: Part = state === part.state ? part : { ...part, state }
  for (const effect of effects) {
    if (effect.kind === 'publish') next = { ...next, publishedAt: now, isFinal: effect.isFinal }
    if (effect.kind === 'reassign') next = reassigned(context, dataSet, next, now)
  }
  return next
}

function reassigned(context: Conduct, dataSet: DataSet, part: Part, now: number): Part {
  const verdict = reassign(situationOf(context, dataSet, part.state))
  const event: DeliveryEvent =
    verdict.kind === 'assigned' ? { kind: 'assigned', assignments: verdict.assignments } : { kind: 'unassignable' }
  return run(context, dataSet, part, event, now)
}

function isEnded({ phase }: Delivery): boolean {
  return phase === 'complete' || phase === 'cancelled' || phase === 'failed'
}
