/**
 * What becomes of a lost device's part: those who are left are asked whether they take it over (full-download query), or
 * do so by policy. Pure. Rule DL-16.
 */

import { covers, unionOf } from '../../schemas/delivery/segmentRanges.ts'
import type { DeliveryEvent, DeliveryStep, FullDownloadQuery, Running } from './deliveryState.ts'
import { presentOf } from './members.ts'

/** Who has not answered by then has declined. */
export const ANSWER_WITHIN_MS = 60_000

/** Asks, or has them take over, if something is missing now. Those who were asked before and have not answered are asked about the new loss as well. */
export function afterLoss(state: Running, lost: readonly string[], now: number): DeliveryStep {
  if (isProvided(state)) return { state, effects: [] }
  if (state.onLoss === 'take-over') return { state, effects: [{ kind: 'reassign', reason: 'lost' }] }
  const deviceIds = presentOf(state.members).map(({ deviceId }) => deviceId)
  const all = [...new Set([...(state.query?.lost ?? []), ...lost])]
  const query: FullDownloadQuery = { lost: all, waitingFor: deviceIds, agreed: [], askedAt: now }
  const members = state.members.map((member) => ({ ...member, declined: false }))
  return { state: { ...state, members, query }, effects: [{ kind: 'ask', lost: all, deviceIds }] }
}

/** One of them has answered. The last answer decides: those who agreed take over, and if nobody did it waits. */
export function answer(
  state: Running,
  { deviceId, takesOver }: Extract<DeliveryEvent, { readonly kind: 'answered' }>,
  now: number,
): DeliveryStep {
  const { query } = state
  if (query === null || !query.waitingFor.includes(deviceId)) return { state, effects: [] }
  const waitingFor = query.waitingFor.filter((each) => each !== deviceId)
  const agreed = takesOver ? [...query.agreed, deviceId] : query.agreed
  const next = { ...state, query: { ...query, waitingFor, agreed }, changedAt: now }
  return waitingFor.length > 0 ? { state: next, effects: [] } : decide(next, now)
}

/** Decides when the time for answers is over. Devices that are lost meanwhile are not waited for. */
export function expireQuery(state: Running, now: number): DeliveryStep {
  return state.query !== null && now - state.query.askedAt > ANSWER_WITHIN_MS
    ? decide(state, now)
    : { state, effects: [] }
}

/** Whether those who are there hold, or fetch, everything they take: then nobody has to take over anything. */
function isProvided({ members, assignments }: Running): boolean {
  const present = presentOf(members)
  const fetched = assignments.filter(({ deviceId }) => present.some((each) => each.deviceId === deviceId))
  const provided = [...present.map(({ held }) => held), ...fetched.map(({ segments }) => segments)].reduce(unionOf, [])
  return present.every(({ takes }) => covers(provided, takes))
}

function decide(state: Running, now: number): DeliveryStep {
  const agreed = new Set(state.query?.agreed ?? [])
  const members = state.members.map((member) => ({ ...member, declined: !agreed.has(member.deviceId) }))
  if (presentOf(members).some(({ deviceId }) => agreed.has(deviceId)))
    return {
      state: { ...state, members, query: null, changedAt: now },
      effects: [{ kind: 'reassign', reason: 'lost' }],
    }
  const { query: _, ...bare } = state
  return {
    state: { ...bare, members, phase: 'paused', reason: 'nobody-takes-over', changedAt: now },
    effects: [{ kind: 'hold', reason: 'nobody-takes-over' }],
  }
}
