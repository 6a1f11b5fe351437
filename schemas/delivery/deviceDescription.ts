/**
 * What a device tells of itself before a Delivery: its links, where it is, in which networks (WF-31).
 */

import { z } from 'zod'
import { deviceId, identifier, timestamp } from '../http/fields.ts'
import { MAX_DEVICE_LINKS, MAX_DEVICE_NETWORKS } from '../limits.ts'

export const linkType = z.enum(['ethernet', 'wifi', 'cellular', 'satellite', 'bluetooth'])
export type LinkType = z.infer<typeof linkType>

const speed = z.number().min(0).max(1e12)

/** A link to the server. A speed that was measured counts before one that was given, that before the type's usual one. */
export const deviceLink = z.strictObject({
  linkId: identifier,
  type: linkType,
  givenBytesPerSecond: speed.exactOptional(),
  measuredBytesPerSecond: speed.exactOptional(),
  /** In any currency, the same for all; without it what its type usually costs. */
  costPerGigabyte: z.number().min(0).max(1e9).exactOptional(),
})
export type DeviceLink = Readonly<z.infer<typeof deviceLink>>

export const position = z.strictObject({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  accuracyMeters: z.number().min(0).max(1e7),
  at: timestamp,
})
export type Position = Readonly<z.infer<typeof position>>

export const deviceDescription = z.strictObject({
  deviceId,
  /** When it last spoke to the server. */
  seenAt: timestamp,
  /** Whether it may be synchronized now, as its user has set it. */
  syncEnabled: z.boolean(),
  links: z
    .array(deviceLink)
    .max(MAX_DEVICE_LINKS)
    .refine((links) => new Set(links.map(({ linkId }) => linkId)).size === links.length, 'each link once'),
  position: position.exactOptional(),
  /** Names of the local networks it is in, which nobody outside can guess: a digest of gateway and prefix, say. */
  networks: z.array(identifier).max(MAX_DEVICE_NETWORKS),
  /** The user's word: devices of the same place are together, those of different places are not. */
  place: z.string().min(1).max(128).exactOptional(),
})
export type DeviceDescription = Readonly<Omit<z.infer<typeof deviceDescription>, 'links' | 'networks'>> & {
  readonly links: readonly DeviceLink[]
  readonly networks: readonly string[]
}
