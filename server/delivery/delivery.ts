/**
 * The pure transition of a Delivery.
 *
 *   created -> planned -> running <-> paused
 *                            |           |      any of these -> cancelled | failed
 *                            +-> complete <+
 *
 * One cell for each phase and event. What peers say at the wrong time changes nothing: messages cross on the way.
 * Rules DL-14 to DL-17.
 */

import type {
  Created,
  Delivery,
  DeliveryEffect,
  DeliveryEvent,
  DeliveryStep,
  Joining,
  Paused,
  Planned,
  Running,
} from './deliveryState.ts'
import {
  afterReport,
  isChanged,
  isServed,
  memberOf,
  presentOf,
  silentOf,
  withMember,
  withPlannedSpeeds,
} from './members.ts'
import { afterLoss, answer, expireQuery } from './takeOver.ts'

type Phase = Delivery['phase']
type Kind = DeliveryEvent['kind']
type EventOf<K extends Kind> = Extract<DeliveryEvent, { readonly kind: K }>
type Cell<P extends Phase, K extends Kind> = (
  state: Extract<Delivery, { readonly phase: P }>,
  event: EventOf<K>,
  now: number,
) => DeliveryStep

/** A Delivery of which nothing is decided yet. */
export function newDelivery(identity: Pick<Created, 'deliveryId' | 'dataSetId' | 'onLoss'>, now: number): Created {
  return { phase: 'created', ...identity, createdAt: now, changedAt: now, members: [], assignments: [], revision: 0 }
}

/** The state after `event` at `now` (milliseconds), and what is to be done. Total: no event is an error in any phase. */
export function transition(state: Delivery, event: DeliveryEvent, now: number): DeliveryStep {
  const cell = table[state.phase][event.kind] as (state: Delivery, event: DeliveryEvent, now: number) => DeliveryStep
  return cell(state, event, now)
}

const stay = (state: Delivery): DeliveryStep => ({ state, effects: [] })

const cancel = (state: Delivery, _: EventOf<'cancelled'>, now: number): DeliveryStep => ({
  state: { ...bare(state), phase: 'cancelled', changedAt: now },
  effects: [{ kind: 'end', phase: 'cancelled' }],
})

const fail = (state: Delivery, { reason }: EventOf<'failed'>, now: number): DeliveryStep => ({
  state: { ...bare(state), phase: 'failed', reason, changedAt: now },
  effects: [{ kind: 'end', phase: 'failed' }],
})

const plan = (state: Created | Planned, event: EventOf<'planned'>, now: number): DeliveryStep => ({
  state: {
    ...state,
    phase: 'planned',
    members: event.members.map((joining) => memberOf(joining, undefined, now)),
    assignments: event.assignments,
    changedAt: now,
  },
  effects: [],
})

function start(state: Planned, _: EventOf<'started'>, now: number): DeliveryStep {
  // From now on silence counts, and speeds are measured.
  const members = state.members.map((member) => ({ ...withPlannedSpeeds(member, now), seenAt: now }))
  const revision = state.revision + 1
  const running: Running = { ...state, phase: 'running', query: null, members, revision, changedAt: now }
  return completed(running, [{ kind: 'publish', revision, isFinal: false }], now)
}

function join(state: Running | Paused, member: Joining, now: number): DeliveryStep {
  const known = state.members.find(({ deviceId }) => deviceId === member.deviceId)
  const members = withMember(state.members, memberOf(member, known, now))
  if (state.phase === 'paused' && (state.reason === 'user' || state.reason === 'limits'))
    return completed({ ...state, members, changedAt: now }, [], now)
  // Who comes back answers the question what becomes of its part.
  const lost = state.phase === 'running' ? (state.query?.lost ?? []).filter((each) => each !== member.deviceId) : []
  const query = state.phase === 'running' && state.query !== null && lost.length > 0 ? { ...state.query, lost } : null
  const running: Running = { ...bare(state), phase: 'running', query, members, changedAt: now }
  return completed(running, [{ kind: 'reassign', reason: 'joined' }], now)
}

function report(state: Running | Paused, { report: said }: EventOf<'progress'>, now: number): DeliveryStep {
  const known = state.members.find(({ deviceId }) => deviceId === said.deviceId)
  if (known === undefined) return stay(state)
  const member = afterReport(known, said, now)
  if (known.presence === 'lost') {
    const { deviceId, takes, held } = member
    const speeds = Object.entries(member.speeds).map(([linkId, { bytesPerSecond }]) => [linkId, bytesPerSecond])
    const back = { ...state, members: withMember(state.members, member) }
    return join(back, { deviceId, takes, held, speeds: Object.fromEntries(speeds) }, now)
  }
  const next = { ...state, members: withMember(state.members, member), changedAt: now }
  if (state.phase === 'paused' || !isChanged(member, now)) return completed(next, [], now)
  // Asked once: until the new plan is there, the same speeds ask for no other one.
  const members = next.members.map((each) => withPlannedSpeeds(each, now))
  return completed({ ...next, members }, [{ kind: 'reassign', reason: 'speed' }], now)
}

function assign(state: Running | Paused, { assignments }: EventOf<'assigned'>, now: number): DeliveryStep {
  const revision = state.revision + 1
  const members = state.members.map((member) => withPlannedSpeeds(member, now))
  const next = { ...state, assignments, members, revision, changedAt: now }
  return { state: next, effects: [{ kind: 'publish', revision, isFinal: false }] }
}

function lose(state: Running | Paused, deviceIds: readonly string[], now: number): DeliveryStep {
  const gone = presentOf(state.members).filter(({ deviceId }) => deviceIds.includes(deviceId))
  if (gone.length === 0) return stay(state)
  const members = state.members.map((member) =>
    gone.includes(member) ? { ...member, presence: 'lost' as const } : member,
  )
  const next = { ...state, members, changedAt: now }
  if (next.phase === 'paused') return completed(next, [], now)
  if (presentOf(members).length === 0) return pause(next, 'nobody-present', now)
  if (presentOf(members).every(isServed)) return completed(next, [], now)
  return afterLoss(
    next,
    gone.map(({ deviceId }) => deviceId),
    now,
  )
}

function pause(state: Running, reason: Paused['reason'], now: number): DeliveryStep {
  return { state: { ...bare(state), phase: 'paused', reason, changedAt: now }, effects: [{ kind: 'hold', reason }] }
}

function resume(state: Paused, _: EventOf<'resumed'>, now: number): DeliveryStep {
  if (presentOf(state.members).length === 0) return { state: { ...state, reason: 'nobody-present' }, effects: [] }
  // Whoever said no is asked again only by a new loss; the user who resumes has decided for them.
  const members = state.members.map((member) => ({ ...member, declined: false, seenAt: now }))
  const running: Running = { ...bare(state), phase: 'running', query: null, members, changedAt: now }
  return completed(running, [{ kind: 'reassign', reason: 'resumed' }], now)
}

function tick(state: Running, _: EventOf<'tick'>, now: number): DeliveryStep {
  const lost = lose(state, silentOf(state.members, now), now)
  if (lost.state.phase !== 'running') return lost
  const expired = expireQuery(lost.state, now)
  return { state: expired.state, effects: [...lost.effects, ...expired.effects] }
}

/** Complete if all that are there hold what they take; otherwise the state and effects as they are. */
function completed(state: Running | Paused, effects: readonly DeliveryEffect[], now: number): DeliveryStep {
  const present = presentOf(state.members)
  if (present.length === 0 || !present.every(isServed)) return { state, effects }
  const revision = state.revision + 1
  return {
    state: { ...bare(state), phase: 'complete', revision, changedAt: now },
    effects: [
      { kind: 'publish', revision, isFinal: true },
      { kind: 'end', phase: 'complete' },
    ],
  }
}

/** What every phase has. */
function bare(state: Delivery) {
  const { deliveryId, dataSetId, onLoss, createdAt, changedAt, members, assignments, revision } = state
  return { deliveryId, dataSetId, onLoss, createdAt, changedAt, members, assignments, revision }
}

const ended = {
  planned: stay,
  started: stay,
  joined: stay,
  progress: stay,
  lost: stay,
  answered: stay,
  assigned: stay,
  unassignable: stay,
  paused: stay,
  resumed: stay,
  cancelled: stay,
  failed: stay,
  tick: stay,
} as const

/** Every phase and event: a missing cell does not compile. */
const table: { readonly [P in Phase]: { readonly [K in Kind]: Cell<P, K> } } = {
  created: { ...ended, planned: plan, cancelled: cancel, failed: fail },
  planned: { ...ended, planned: plan, started: start, cancelled: cancel, failed: fail },
  running: {
    planned: stay,
    started: stay,
    joined: (state, event, now) => join(state, event.member, now),
    progress: report,
    lost: (state, event, now) => lose(state, [event.deviceId], now),
    answered: answer,
    assigned: assign,
    unassignable: (state, _, now) => pause(state, 'limits', now),
    paused: (state, _, now) => pause(state, 'user', now),
    resumed: stay,
    cancelled: cancel,
    failed: fail,
    tick,
  },
  paused: {
    planned: stay,
    started: stay,
    joined: (state, event, now) => join(state, event.member, now),
    progress: report,
    lost: (state, event, now) => lose(state, [event.deviceId], now),
    answered: stay,
    assigned: assign,
    unassignable: stay,
    paused: (state) => ({ state: { ...state, reason: 'user' }, effects: [] }),
    resumed: resume,
    cancelled: cancel,
    failed: fail,
    tick: stay,
  },
  complete: ended,
  cancelled: ended,
  failed: ended,
}
