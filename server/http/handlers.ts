/**
 * The shape of the edge: one handler per call, typed by the call's own schemas. A handler calls one domain function;
 * decoding, authentication and encoding happen around it.
 */

import { CodedError } from '../../schemas/errors.ts'
import type { CallName, CallOf } from '../../schemas/http/api.ts'
import type { CallInput, CallReply } from '../../schemas/http/call.ts'
import type { TokenClaims } from '../account/accountService.ts'

/** What a handler knows of its caller. Claims are there if the call asks for a token. */
export interface CallerOf<Access> {
  readonly claims: Access extends readonly string[] ? TokenClaims : undefined
  readonly address: string
  /** Says something beside the reply. */
  setHeader(name: string, value: string): void
  /** Calls `listener` when the caller goes away, for handlers that wait. */
  onGone(listener: () => void): void
}

export type Handler<Name extends CallName> = (
  input: CallInput<CallOf<Name>>,
  caller: CallerOf<CallOf<Name>['access']>,
) => Promise<CallReply<CallOf<Name>>>

/** Handlers of the calls a process answers; the others have no path there. */
export type Handlers = { readonly [Name in CallName]?: Handler<Name> }

/** The device of a token of scope `device`. @throws {CodedError} `auth.forbidden` if the token names none. */
export function deviceCaller(claims: TokenClaims): { readonly accountId: string; readonly deviceId: string } {
  if (claims.deviceId === undefined) throw new CodedError('auth.forbidden', 'only a device can do this')
  return { accountId: claims.accountId, deviceId: claims.deviceId }
}
