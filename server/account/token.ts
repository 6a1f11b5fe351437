/**
 * Access tokens (AC-3): EdDSA JWTs of ten minutes. Verifying needs only the public keys, so a backup server can do it
 * while the account service is away.
 */

import { createLocalJWKSet, errors, type JWK, jwtVerify, SignJWT } from 'jose'
import { accessTokenClaims, TOKEN_ISSUER } from '../../schemas/account/claims.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { TokenClaims } from './accountService.ts'
import type { SigningKeys } from './signingKeys.ts'

/** Seconds an access token is valid. */
export const ACCESS_TOKEN_LIFE_S = 600

/** Seconds by which clocks of two machines may differ. */
const CLOCK_TOLERANCE_S = 5

/** Signs a token for `claims`, valid from `now` for `lifeS` seconds. */
export async function signToken(
  keys: SigningKeys,
  claims: TokenClaims,
  now: number,
  lifeS: number = ACCESS_TOKEN_LIFE_S,
): Promise<string> {
  const { kid, privateKey } = await keys.current(now)
  const issuedAt = Math.floor(now / 1000)
  return new SignJWT({
    scope: claims.scope,
    name: claims.accountName,
    ...(claims.deviceId === undefined ? {} : { deviceId: claims.deviceId }),
  })
    .setProtectedHeader({ alg: 'EdDSA', kid, typ: 'at+jwt' })
    .setIssuer(TOKEN_ISSUER)
    .setAudience(TOKEN_ISSUER)
    .setSubject(claims.accountId)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + lifeS)
    .sign(privateKey)
}

/**
 * What a token of ours says.
 *
 * @throws {CodedError} `auth.invalid` if it is not ours, was changed, or has ended.
 */
export async function verifyToken(token: string, keys: readonly JWK[], now: number): Promise<TokenClaims> {
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: [...keys] }), {
      issuer: TOKEN_ISSUER,
      audience: TOKEN_ISSUER,
      algorithms: ['EdDSA'],
      typ: 'at+jwt',
      requiredClaims: ['exp', 'sub'],
      clockTolerance: CLOCK_TOLERANCE_S,
      currentDate: new Date(now),
    })
    const { sub, scope, name, deviceId } = accessTokenClaims.parse(payload)
    return { scope, accountId: sub, accountName: name, ...(deviceId === undefined ? {} : { deviceId }) }
  } catch (cause) {
    const reason = cause instanceof errors.JWTExpired ? 'has ended' : 'is not valid'
    throw new CodedError('auth.invalid', `the access token ${reason}`, { cause })
  }
}

/** True if the token names a key that is not among `keys`: they may have been rotated since. */
export function namesUnknownKey(token: string, keys: readonly JWK[]): boolean {
  const [head] = token.split('.')
  if (head === undefined || head.length > 1024) return false
  try {
    const { kid } = JSON.parse(Buffer.from(head, 'base64url').toString('utf8')) as { kid?: unknown }
    return typeof kid === 'string' && !keys.some((key) => key.kid === kid)
  } catch {
    // Not even a header: verifying says so.
    return false
  }
}
