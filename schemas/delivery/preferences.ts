/**
 * What the user wants of a Delivery: by which strategy, which devices in which order, and what each of them may do (WF-32).
 */

import { z } from 'zod'
import { byteCount, deviceId } from '../http/fields.ts'
import { MAX_DELIVERY_DEVICES } from '../limits.ts'
import { dataType } from './dataSet.ts'
import { linkType } from './deviceDescription.ts'

export const strategyName = z.enum(['bandwidthProportional', 'shortestTime', 'lowestCost', 'half', 'oddEven', 'full'])
export type StrategyName = z.infer<typeof strategyName>

export const devicePreference = z.strictObject({
  deviceId,
  /** Links it may use, the most wanted first; without it all. */
  connections: z.array(linkType).max(linkType.options.length).exactOptional(),
  /** What all its links together may draw. */
  maxBytesPerSecond: z.number().positive().max(1e12).exactOptional(),
  /** Octets it may draw from the server, all in all. */
  dataLimitBytes: byteCount.exactOptional(),
  /** What it takes; without it everything. */
  dataTypes: z.array(dataType).max(64).exactOptional(),
})
export type DevicePreference = Readonly<z.infer<typeof devicePreference>>

export const deliveryPreferences = z.strictObject({
  strategy: strategyName,
  /** The devices that take part, in the user's order: of equal choices the first one gets it. */
  devices: z
    .array(devicePreference)
    .min(1)
    .max(MAX_DELIVERY_DEVICES)
    .refine((devices) => new Set(devices.map((each) => each.deviceId)).size === devices.length, 'each device once'),
  /** When a device is lost: ask the others who takes over, or let them. */
  onLoss: z.enum(['ask', 'take-over']),
})
export type DeliveryPreferences = Readonly<Omit<z.infer<typeof deliveryPreferences>, 'devices'>> & {
  readonly devices: readonly DevicePreference[]
}
