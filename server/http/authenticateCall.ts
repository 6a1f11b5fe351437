/**
 * Who calls: a bearer token of a scope the call allows, of a holder that is still enabled, or the service secret.
 */

import { createHash, timingSafeEqual } from 'node:crypto'
import type { Request } from 'express'
import { CodedError } from '../../schemas/errors.ts'
import type { CallAccess } from '../../schemas/http/call.ts'
import type { TokenClaims } from '../account/accountService.ts'

export interface AuthenticateParts {
  /** @throws `auth.invalid`. */
  verifyToken(token: string): Promise<TokenClaims>
  isEnabled(claims: TokenClaims): Promise<boolean>
  /** Why a holder who is not enabled is refused. */
  refusalFor(claims: TokenClaims): Promise<CodedError>
  /** Without it no call between services is answered. */
  readonly serviceSecret?: string
}

/**
 * The claims of the caller; undefined for calls that need none.
 *
 * @throws {CodedError} `auth.missing`, `auth.invalid`, `auth.forbidden`, `device.fenced`.
 */
export async function authenticateCall(
  parts: AuthenticateParts,
  access: CallAccess,
  request: Request,
): Promise<TokenClaims | undefined> {
  if (access === 'anyone') return undefined
  const token = readBearer(request)
  if (access === 'service') {
    if (parts.serviceSecret === undefined || !sameSecret(token, parts.serviceSecret))
      throw new CodedError('auth.invalid', 'the service secret is wrong')
    return undefined
  }
  const claims = await parts.verifyToken(token)
  if (!access.includes(claims.scope))
    throw new CodedError('auth.forbidden', `a token of scope ${claims.scope} cannot do this`)
  if (!(await parts.isEnabled(claims))) throw await parts.refusalFor(claims)
  return claims
}

function readBearer(request: Request): string {
  const match = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')
  if (match?.[1] === undefined) throw new CodedError('auth.missing', 'a bearer token is required')
  return match[1]
}

/** Digests have one length, so comparing them tells nothing about the secret's. */
function sameSecret(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(wanted))
}
