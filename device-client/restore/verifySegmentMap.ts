/**
 * Verifies a SegmentMap before anything is fetched by it (RS-5, WF-21).
 */

import { compactVerify, decodeProtectedHeader, importJWK, type JWK } from 'jose'
import { CodedError } from '../../schemas/errors.ts'
import { parseSegmentMap, SEGMENT_MAP_TYPE, type SegmentMap } from '../../schemas/restore/segmentMap.ts'
import { decodeUtf8 } from '../../schemas/utf8.ts'

/** Characters of the largest map: 33,000 segments of about 130 octets, in base64. */
const MAX_MAP_CHARS = 8 * 1024 * 1024

/**
 * The map, if one of `trustedKeys` signed it.
 * @throws {CodedError} `integrity.mismatch` if none did, `protocol.malformed` if it is no map.
 */
export async function verifySegmentMap(jws: string, trustedKeys: readonly JWK[]): Promise<SegmentMap> {
  if (jws.length > MAX_MAP_CHARS)
    throw new CodedError('protocol.too-large', `a segment map of ${jws.length} characters`)
  const key = trustedKeys.find(({ kid }) => kid === readKeyId(jws))
  if (key === undefined) {
    throw new CodedError('integrity.mismatch', 'the restore is not signed by the server this device knows', {
      next: 'If the server was set up anew, say so with --trust-new-key; else somebody may be in its place.',
    })
  }
  const payload = await readPayload(jws, key)
  try {
    return parseSegmentMap(JSON.parse(decodeUtf8(payload) ?? ''))
  } catch (cause) {
    if (cause instanceof CodedError) throw cause
    throw new CodedError('protocol.malformed', 'the segment map is no JSON', { cause })
  }
}

function readKeyId(jws: string): string {
  try {
    const { kid, typ } = decodeProtectedHeader(jws)
    if (typ === SEGMENT_MAP_TYPE && kid !== undefined) return kid
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
