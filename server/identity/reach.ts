/**
 * Which copies of its account the holder of a token reaches (ID-1): the owner all, a device its own and those that
 * belong to the account itself.
 */

import { CodedError } from '../../schemas/errors.ts'
import type { TokenClaims } from '../account/accountService.ts'
import { ACCOUNT_DEVICE } from '../catalogue/catalogue.ts'

/** True if a copy of `deviceId`, of the token's account, is in reach. */
export function reaches({ scope, deviceId: own }: TokenClaims, deviceId: string): boolean {
  return scope === 'account' || deviceId === own || deviceId === ACCOUNT_DEVICE
}

/** For calls that show a copy. @throws {CodedError} `auth.forbidden` if it is out of reach. */
export function requireReach(claims: TokenClaims, deviceId: string): void {
  if (!reaches(claims, deviceId)) throw outOfReach()
}

/** Says nothing about whether there is such a copy. */
export function outOfReach(): CodedError {
  return new CodedError('auth.forbidden', "another device's copy is given only to who has the account's password", {
    next: "Name the other device with the account's password at hand.",
  })
}
