/**
 * The port through which the server keeps sessions from beginning, and tells devices what SyncML has no word for: when to
 * come next, and what their quotas are. All of it travels in HTTP headers; nobody needs them to understand an answer.
 */

import { ADVICE_HEADER } from '../../schemas/http/advice.ts'
import type { Peer } from '../datastore/datastore.ts'
import type { OmadsReply } from './answer.ts'

/** Why a proven device cannot begin a session now. */
export type KeptOut =
  /** There is too much to do: by HTTP, before any work. */
  | { readonly kind: 'later'; readonly retryAfterS: number }
  /** It began too many; `advice` says so. */
  | { readonly kind: 'quota'; readonly retryAfterS: number; readonly advice: string }

/** What the answer is about to go to. */
export interface AdviceCase {
  readonly peer: Peer
  /** When the agent comes next, as it said. */
  readonly window: string | undefined
  /** The first datastore of the session; absent if it opened none. */
  readonly datastore: string | undefined
  /** The session is over with this answer. */
  readonly ended: boolean
}

export interface SessionGate {
  /** Seconds to stay away, if nobody may begin a session now; asked before anything else is done. */
  deferAll(): number | undefined
  /** A proven device begins a session, unless it is kept out. */
  begin(peer: Peer): Promise<KeptOut | undefined>
  /** What the device is told with an answer; empty if nothing. Never throws. */
  advise(answer: AdviceCase): Promise<string>
}

/** An answer of HTTP alone: who gets it has done nothing yet and loses nothing. */
export function comeLater(retryAfterS: number): OmadsReply {
  return { status: 503, bytes: new Uint8Array(), headers: { 'retry-after': String(retryAfterS) } }
}

/** `refusal` with what the device cannot see in it. */
export function refuseQuota(refusal: OmadsReply, kept: Extract<KeptOut, { kind: 'quota' }>): OmadsReply {
  return { ...refusal, headers: { 'retry-after': String(kept.retryAfterS), [ADVICE_HEADER]: kept.advice } }
}

/** `reply` with what the gate advises. */
export async function withAdvice(
  gate: SessionGate | undefined,
  reply: OmadsReply,
  answer: AdviceCase,
): Promise<OmadsReply> {
  const advice = (await gate?.advise(answer)) ?? ''
  return advice === '' ? reply : { ...reply, headers: { [ADVICE_HEADER]: advice } }
}
