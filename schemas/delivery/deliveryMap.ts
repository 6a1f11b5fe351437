/**
 * The map of a Delivery: who fetches which segments over which link, in one revision. A compact JWS (EdDSA) by the server
 * carries it. Numbers, sizes and digests of the segments stand in the SegmentMap of the image, which it names by digest:
 * that one never changes, and is told once (WF-40).
 */

import { z } from 'zod'
import { CodedError } from '../errors.ts'
import { deviceId, identifier, timestamp } from '../http/fields.ts'
import { MAX_DELIVERY_DEVICES, MAX_DEVICE_LINKS } from '../limits.ts'
import { DELIVERY_MAP_VERSION } from '../version.ts'
import { type Assignment, assignment } from './assignment.ts'
import { dataSetCharacteristics } from './dataSet.ts'
import { strategyName } from './preferences.ts'

/** `typ` of the JWS, so that no other signed text of the server passes as one. */
export const DELIVERY_MAP_TYPE = 'nightferry-delivery-map+jws'

const deliveryMap = z.strictObject({
  version: z.literal(DELIVERY_MAP_VERSION),
  deliveryId: identifier,
  /** The image whose segments are delivered. */
  dataSetId: identifier,
  /** SHA-256 of the signed SegmentMap, hex. */
  segmentMap: z.string().regex(/^[0-9a-f]{64}$/),
  serverId: z.string().min(1).max(128),
  /** The public key it is verified with (RFC 7517): it counts only if the device knows its server by it. */
  validationKey: z.strictObject({
    kty: z.string(),
    crv: z.string(),
    x: z.string(),
    kid: z.string(),
    alg: z.literal('EdDSA'),
  }),
  /** Counts the assignments among the devices of this map. */
  revision: z.int().min(0),
  /** No other one follows. */
  isFinal: z.boolean(),
  createdAt: timestamp,
  strategy: strategyName,
  characteristics: dataSetCharacteristics,
  devices: z.array(deviceId).min(1).max(MAX_DELIVERY_DEVICES),
  assignments: z.array(assignment).max(MAX_DELIVERY_DEVICES * MAX_DEVICE_LINKS),
})
export type DeliveryMap = Readonly<Omit<z.infer<typeof deliveryMap>, 'devices' | 'assignments'>> & {
  readonly devices: readonly string[]
  readonly assignments: readonly Assignment[]
}

/** Validates the payload of a map whose signature was verified. @throws {CodedError} `protocol.malformed`. */
export function parseDeliveryMap(payload: unknown): DeliveryMap {
  const parsed = deliveryMap.safeParse(payload)
  if (parsed.success) return parsed.data
  throw new CodedError('protocol.malformed', 'this is no map of a Delivery', { cause: parsed.error })
}
