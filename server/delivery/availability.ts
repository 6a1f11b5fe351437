/**
 * Which devices can take part in a Delivery now, and with which links. Pure. Rules DL-1, DL-3, DL-4.
 */

import type { AloneReason } from '../../schemas/delivery/assignment.ts'
import type { DataType } from '../../schemas/delivery/dataSet.ts'
import type { DeviceDescription, DeviceLink, LinkType } from '../../schemas/delivery/deviceDescription.ts'
import type { DevicePreference } from '../../schemas/delivery/preferences.ts'

/** How long a device counts as there after it was heard. */
export const AVAILABLE_MS = 120_000

/** What is assumed of a link that nobody measured or described. */
const USUAL: Readonly<Record<LinkType, { readonly bytesPerSecond: number; readonly costPerGigabyte: number }>> = {
  ethernet: { bytesPerSecond: 12_500_000, costPerGigabyte: 0 },
  wifi: { bytesPerSecond: 5_000_000, costPerGigabyte: 0 },
  cellular: { bytesPerSecond: 1_250_000, costPerGigabyte: 2 },
  satellite: { bytesPerSecond: 1_000_000, costPerGigabyte: 10 },
  bluetooth: { bytesPerSecond: 125_000, costPerGigabyte: 0 },
}

/** A link as the planner counts it. */
export interface UsableLink {
  readonly linkId: string
  /** Above 0. */
  readonly bytesPerSecond: number
  readonly costPerByte: number
}

/** A device as the planner counts it. */
export interface Participant {
  readonly deviceId: string
  /** The most wanted first. */
  readonly links: readonly UsableLink[]
  /** Octets it may still draw from the server; Infinity without a limit. */
  readonly roomBytes: number
  /** What it takes; undefined is everything. */
  readonly dataTypes: readonly DataType[] | undefined
}

/** Why `device` cannot share a Delivery at `now` (milliseconds), or undefined if it can. */
export function absenceOf(
  device: Pick<DeviceDescription, 'syncEnabled' | 'seenAt'>,
  now: number,
): Extract<AloneReason, 'unavailable' | 'sync-disabled'> | undefined {
  if (!device.syncEnabled) return 'sync-disabled'
  return now - device.seenAt > AVAILABLE_MS ? 'unavailable' : undefined
}

/** What the planner needs of a device: links that may be used at the speed that is allowed, room, types. */
export function participantOf(device: DeviceDescription, preference: DevicePreference): Participant {
  const { connections, maxBytesPerSecond = Number.POSITIVE_INFINITY } = preference
  const links = (connections === undefined ? device.links : inOrderOf(connections, device.links)).filter(
    (link) => speedOf(link) > 0,
  )
  const together = links.reduce((sum, link) => sum + speedOf(link), 0)
  const share = Math.min(1, maxBytesPerSecond / together)
  return {
    deviceId: device.deviceId,
    links: links.map((link) => ({
      linkId: link.linkId,
      bytesPerSecond: speedOf(link) * share,
      costPerByte: (link.costPerGigabyte ?? USUAL[link.type].costPerGigabyte) / 1e9,
    })),
    roomBytes: preference.dataLimitBytes ?? Number.POSITIVE_INFINITY,
    dataTypes: preference.dataTypes,
  }
}

function inOrderOf(connections: readonly LinkType[], links: readonly DeviceLink[]): readonly DeviceLink[] {
  const wanted = new Set(connections)
  return [...wanted].flatMap((type) => links.filter((link) => link.type === type))
}

function speedOf(link: DeviceLink): number {
  return link.measuredBytesPerSecond ?? link.givenBytesPerSecond ?? USUAL[link.type].bytesPerSecond
}
