/**
 * Which devices sit together. The user's word counts before a common network, that before positions. Pure. Rule DL-2.
 */

import type { DeviceDescription, Position } from '../../schemas/delivery/deviceDescription.ts'

/** Devices this near are one room's or one vehicle's. */
export const COLLOCATED_METERS = 100

/** A position older than this says nothing. */
export const POSITION_VALID_MS = 900_000

const EARTH_RADIUS_METERS = 6_371_009

/** What is needed to tell whether devices sit together. */
export type Whereabouts = Pick<DeviceDescription, 'position' | 'networks' | 'place'>

/** Great-circle distance (haversine), meters. */
export function distanceMeters(
  one: Pick<Position, 'latitude' | 'longitude'>,
  other: Pick<Position, 'latitude' | 'longitude'>,
): number {
  const radians = Math.PI / 180
  const halfChord =
    Math.sin(((other.latitude - one.latitude) * radians) / 2) ** 2 +
    Math.cos(one.latitude * radians) *
      Math.cos(other.latitude * radians) *
      Math.sin(((other.longitude - one.longitude) * radians) / 2) ** 2
  return 2 * EARTH_RADIUS_METERS * Math.asin(Math.min(1, Math.sqrt(halfChord)))
}

/** Whether two devices sit together at `now` (milliseconds). Positions must be near even if both are as wrong as they say. */
export function areCollocated(one: Whereabouts, other: Whereabouts, now: number): boolean {
  if (one.place !== undefined && other.place !== undefined) return one.place === other.place
  if (one.networks.some((network) => other.networks.includes(network))) return true
  const [here, there] = [one.position, other.position]
  if (here === undefined || there === undefined) return false
  if (now - Math.min(here.at, there.at) > POSITION_VALID_MS) return false
  return distanceMeters(here, there) + here.accuracyMeters + there.accuracyMeters <= COLLOCATED_METERS
}

/** Groups in which each sits together with each; a device joins the first group that takes it, in the order given. */
export function groupCollocated<Device extends Whereabouts>(devices: readonly Device[], now: number): Device[][] {
  const groups: Device[][] = []
  for (const device of devices) {
    const group = groups.find((members) => members.every((member) => areCollocated(member, device, now)))
    if (group === undefined) groups.push([device])
    else group.push(device)
  }
  return groups
}
