/**
 * What an access token says (AC-3): a JWT signed with EdDSA, issuer and audience `nightferry`.
 */

import { z } from 'zod'
import { deviceId, identifier } from '../http/fields.ts'

/** Issuer and audience of every token of ours. */
export const TOKEN_ISSUER = 'nightferry'

/** Claims besides the registered ones `iss`, `aud`, `iat`, `exp`. `sub` is the account's id; an operator has none. */
export const accessTokenClaims = z.object({
  sub: identifier,
  scope: z.enum(['account', 'device', 'operator']),
  name: z.string().max(64),
  deviceId: deviceId.optional(),
})

export type AccessTokenClaims = z.infer<typeof accessTokenClaims>
