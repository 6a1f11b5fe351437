/**
 * Verifies a SegmentMap before anything is fetched by it (RS-5, WF-21).
 */

import { compactVerify, decodeProtectedHeader, importJWK, type JWK } from 'jose'
import { CodedError } from '../../schemas/errors.ts'
import {
  MAX_SIGNED_MAP_CHARS,
  parseSegmentMap,
  SEGMENT_MAP_TYPE,
  type SegmentMap,
} from '../../schemas/restore/segmentMap.ts'
import { decodeUtf8 } from '../../schemas/utf8.ts'

/**
 * The map, if one of `trustedKeys` signed it.
 * @throws {CodedError} `integrity.mismatch` if none did, `protocol.malformed` if it is no map.
 */
export async function verifySegmentMap(jws: string, trustedKeys: readonly JWK[]): Promise<SegmentMap> {
  return parseSegmentMap(await verifyStatement(jws, trustedKeys, SEGMENT_MAP_TYPE))
}

/**
 * What the server stated under `type`, if one of `trustedKeys` signed it.
 * @throws {CodedError} `integrity.mismatch` if none did, `protocol.malformed` if it is no such statement.
 */
export async function verifyStatement(jws: string, trustedKeys: readonly JWK[], type: string): Promise<unknown> {
  if (jws.length > MAX_SIGNED_MAP_CHARS)
    throw new CodedError('protocol.too-large', `a segment map of ${jws.length} characters`)
  const key = trustedKeys.find(({ kid }) => kid === readKeyId(jws, type))
  if (key === undefined) {
    throw new CodedError('integrity.mismatch', 'the restore is not signed by the server this device knows', {
      next: 'If the server was set up anew, say so with --trust-new-key; else somebody may be in its place.',
    })
  }
  const payload = await readPayload(jws, key)
  try {
    return JSON.parse(decodeUtf8(payload) ?? '')
  } catch (cause) {
    throw new CodedError('protocol.malformed', 'the segment map is no JSON', { cause })
  }
}

function readKeyId(jws: string, type: string): string {
  try {
    const { kid, typ } = decodeProtectedHeader(jws)
    if (typ === type && kid !== undefined) return kid
  } catch (cause) {
    throw new CodedError('protocol.malformed', 'the segment map is no signed text', { cause })
  }
  throw new CodedError('protocol.malformed', 'the signed text is no segment map')
}

async function readPayload(jws: string, key: JWK): Promise<Uint8Array> {
  try {
    const verified = await compactVerify(jws, await importJWK(key, 'EdDSA'), { algorithms: ['EdDSA'] })
    return verified.payload
  } catch (cause) {
    throw new CodedError('integrity.mismatch', 'the signature of the segment map does not hold', { cause })
  }
}
