/** The devices of a Delivery: who is there, what they hold, how fast they are. Pure. Rules DL-14, DL-15. */

import type { ProgressReport } from '../../schemas/delivery/progress.ts'
import { covers, unionOf } from '../../schemas/delivery/segmentRanges.ts'
import type { Joining, Member } from './deliveryState.ts'
import { isReplanDue, newEstimate, observeSpeed, plannedWith } from './speedEstimate.ts'

/** A device that says nothing for so long is lost; devices report at least every other second. */
export const LOST_AFTER_MS = 15_000

/** The member a device becomes; `known` if it was one before, and then nothing it drew is forgotten. */
export function memberOf(joining: Joining, known: Member | undefined, now: number): Member {
  const { deviceId, takes, held, speeds } = joining
  return {
    deviceId,
    presence: 'present',
    seenAt: now,
    takes,
    held,
    serverBytes: known?.serverBytes ?? 0,
    peerBytes: known?.peerBytes ?? 0,
    speeds: Object.fromEntries(Object.entries(speeds).map(([linkId, speed]) => [linkId, newEstimate(speed, now)])),
    declined: false,
  }
}

/** `members` with this one in its place, or as the last. */
export function withMember(members: readonly Member[], member: Member): readonly Member[] {
  return members.some(({ deviceId }) => deviceId === member.deviceId)
    ? members.map((each) => (each.deviceId === member.deviceId ? member : each))
    : [...members, member]
}

/** The member after its report. Reports may come late or twice: what was held or drawn stays so. */
export function afterReport(member: Member, report: ProgressReport, now: number): Member {
  const speeds = { ...member.speeds }
  for (const { linkId, bytes, busyMs } of report.links) {
    const known = speeds[linkId]
    if (known !== undefined) speeds[linkId] = observeSpeed(known, { bytes, busyMs }, now)
  }
  return {
    ...member,
    presence: 'present',
    seenAt: Math.max(member.seenAt, now),
    held: unionOf(member.held, report.held),
    serverBytes: Math.max(member.serverBytes, report.serverBytes),
    peerBytes: Math.max(member.peerBytes, report.peerBytes),
    speeds,
  }
}

/** Whether it holds everything it takes. */
export function isServed({ held, takes }: Member): boolean {
  return covers(held, takes)
}

/** Whether one of its links is so fast, or so slow, that a new plan is due. */
export function isChanged({ speeds }: Member, now: number): boolean {
  return Object.values(speeds).some((estimate) => isReplanDue(estimate, now))
}

/** The member once a plan counts on its speeds. */
export function withPlannedSpeeds(member: Member, now: number): Member {
  const speeds = Object.entries(member.speeds).map(
    ([linkId, estimate]) => [linkId, plannedWith(estimate, now)] as const,
  )
  return { ...member, speeds: Object.fromEntries(speeds) }
}

/** Devices that are there. */
export function presentOf(members: readonly Member[]): readonly Member[] {
  return members.filter(({ presence }) => presence === 'present')
}

/** Devices that were silent for too long. */
export function silentOf(members: readonly Member[], now: number): readonly string[] {
  return presentOf(members)
    .filter(({ seenAt }) => now - seenAt > LOST_AFTER_MS)
    .map(({ deviceId }) => deviceId)
}
