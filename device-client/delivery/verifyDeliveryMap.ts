/** Verifies the map of a Delivery, from the server or from a peer, before anything is done by it (DV-2, WF-40). */

import { sha256 } from '@noble/hashes/sha2.js'
import type { JWK } from 'jose'
import { DELIVERY_MAP_TYPE, type DeliveryMap, parseDeliveryMap } from '../../schemas/delivery/deliveryMap.ts'
import { CodedError } from '../../schemas/errors.ts'
import { toHex } from '../../schemas/hex.ts'
import { encodeUtf8 } from '../../schemas/utf8.ts'
import { verifyStatement } from '../restore/verifySegmentMap.ts'

/** What a map must be of. */
export interface ExpectedMap {
  readonly deliveryId: string
  readonly serverId: string
  readonly deviceId: string
  /** The signed SegmentMap of the image. */
  readonly segmentMap: string
  /** Keys this device knows its server by. */
  readonly trustedKeys: readonly JWK[]
}

/**
 * The map, if the server of this Delivery signed it for this device and image.
 * @throws {CodedError} `integrity.mismatch` if it is of another server, Delivery or image; as `verifyStatement`.
 */
export async function verifyDeliveryMap(jws: string, expected: ExpectedMap): Promise<DeliveryMap> {
  const map = parseDeliveryMap(await verifyStatement(jws, expected.trustedKeys, DELIVERY_MAP_TYPE))
  const wrong =
    (map.serverId !== expected.serverId && 'another server') ||
    (map.deliveryId !== expected.deliveryId && 'another Delivery') ||
    (map.segmentMap !== toHex(sha256(encodeUtf8(expected.segmentMap))) && 'another image') ||
    (!map.devices.includes(expected.deviceId) && 'other devices') ||
    (!expected.trustedKeys.some(({ kid, x }) => kid === map.validationKey.kid && x === map.validationKey.x) &&
      'another key')
  if (wrong) throw new CodedError('integrity.mismatch', `the map of the Delivery is for ${wrong}`)
  return map
}
