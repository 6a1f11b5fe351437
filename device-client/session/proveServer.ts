/**
 * Mutual authentication on the device's side (DC-52, reference 5.5): what the server's credentials must be, and the
 * challenges that demand them. Only a digest counts: basic would show the password to whoever answers.
 */

import { CodedError } from '../../schemas/errors.ts'
import { AUTH_MD5, ha1, md5Digest, parseMd5Credential, sameOctets } from '../../schemas/syncml/credential.ts'
import type { Chal, SyncHdr } from '../../schemas/syncml/message.ts'
import type { Random } from '../ports.ts'
import type { ServerLogin } from './sessionRequest.ts'

/** True if the header proves that its sender knows the server's password and made the proof with `nonce`. */
export function isProven(
  { cred }: SyncHdr,
  { serverId, password }: ServerLogin,
  nonce: Uint8Array | undefined,
): boolean {
  if (cred === undefined || nonce === undefined || (cred.meta?.type ?? '').trim().toLowerCase() !== AUTH_MD5)
    return false
  const digest = parseMd5Credential(cred.data)
  return digest !== undefined && sameOctets(digest, md5Digest(ha1(serverId, password), nonce))
}

/** A nonce for one proof: printable, as some servers cannot keep others (reference 5.1). */
export function serverNonce(random: Random): Uint8Array {
  return random.bytes(16).map((octet) => 0x30 + (octet & 0x3f))
}

/** The challenge that asks for a proof over `nextNonce`. */
export function challengeFor(nextNonce: Uint8Array): Chal {
  return { meta: { format: 'b64', type: AUTH_MD5, nextNonce } }
}

/** The server did not prove itself: nothing is given to it. */
export function unproven(): CodedError {
  return new CodedError('auth.server', 'the server does not prove that it is the one this device was registered with', {
    next: 'Nothing was sent. Check the address; if the server was set up anew, register this device again.',
  })
}
