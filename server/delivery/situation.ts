/** How things stand for those who assign anew: devices with their speeds of now and the room they have left. Pure. */

import type { DataSet } from '../../schemas/delivery/dataSet.ts'
import type { DevicePreference } from '../../schemas/delivery/preferences.ts'
import { rangesOf, type SegmentRanges } from '../../schemas/delivery/segmentRanges.ts'
import { type Participant, participantOf } from './availability.ts'
import type { Conduct, JoinedDevice } from './conductState.ts'
import type { Delivery, Joining, Member } from './deliveryState.ts'
import { presentOf } from './members.ts'
import type { Situation } from './reassign.ts'

/** A link that stands still is not fast enough for anything, but it is one. */
const LEAST_BYTES_PER_SECOND = 1

/** What the order says of a device. */
export function preferenceOf({ preferences }: Conduct, deviceId: string): DevicePreference {
  return preferences.devices.find((each) => each.deviceId === deviceId) ?? { deviceId }
}

/** What a device shall hold in the end. */
export function takesOf({ segments }: DataSet, { dataTypes }: DevicePreference): SegmentRanges {
  return rangesOf(segments.filter(({ type }) => dataTypes?.includes(type) ?? true).map(({ number }) => number))
}

/** A device as it joins. */
export function joiningOf(conduct: Conduct, dataSet: DataSet, { description, held }: JoinedDevice): Joining {
  const preference = preferenceOf(conduct, description.deviceId)
  const { links } = participantOf(description, preference)
  return {
    deviceId: description.deviceId,
    takes: takesOf(dataSet, preference),
    held,
    speeds: Object.fromEntries(links.map(({ linkId, bytesPerSecond }) => [linkId, bytesPerSecond])),
  }
}

/** What `reassign` has to know. */
export function situationOf(conduct: Conduct, { segments }: DataSet, state: Delivery): Situation {
  const { strategy } = conduct.preferences
  const present = presentOf(state.members)
  return {
    // Everybody by itself: over all its links, in proportion to their speed.
    strategy: strategy === 'full' ? 'bandwidthProportional' : strategy,
    segments,
    devices: present.flatMap((member) => participantNow(conduct, member) ?? []),
    current: state.assignments,
    held: new Map(state.members.map(({ deviceId, held }) => [deviceId, held])),
    inFlight: conduct.devices.flatMap(({ description: { deviceId }, inFlight }) =>
      inFlight.map((flight) => ({ ...flight, deviceId })),
    ),
    declined: new Set(state.members.filter(({ declined }) => declined).map(({ deviceId }) => deviceId)),
  }
}

function participantNow(conduct: Conduct, { deviceId, speeds, serverBytes }: Member): Participant | undefined {
  const device = conduct.devices.find(({ description }) => description.deviceId === deviceId)
  if (device === undefined) return undefined
  const preference = preferenceOf(conduct, deviceId)
  const participant = participantOf(device.description, preference)
  const links = participant.links.map((link) => ({
    ...link,
    bytesPerSecond: Math.max(speeds[link.linkId]?.bytesPerSecond ?? link.bytesPerSecond, LEAST_BYTES_PER_SECOND),
  }))
  // What a link carries while it is busy says nothing of how long the user lets it be busy.
  const together = links.reduce((sum, { bytesPerSecond }) => sum + bytesPerSecond, 0)
  const share = Math.min(1, (preference.maxBytesPerSecond ?? together) / together)
  return {
    ...participant,
    roomBytes: Math.max(0, participant.roomBytes - serverBytes),
    links: links.map((link) => ({ ...link, bytesPerSecond: link.bytesPerSecond * share })),
  }
}
