/**
 * A message while it fills up, and how much it may hold (OM-6, reference 3.10).
 */

import { OWN_MAX_MSG_SIZE } from '../../schemas/limits.ts'
import { encodedCommandSize } from '../../schemas/syncml/codec.ts'
import type { Command } from '../../schemas/syncml/message.ts'
import type { ActiveState } from './sessionState.ts'

/** Assumed where a client says nothing; old phones have no more. */
const DEFAULT_MAX_MSG_SIZE = 10_000

/** Below this no session is possible: a header and a few Statuses must fit. */
const LEAST_MAX_MSG_SIZE = 1500

/** Octets an answer to this client may have: no more than we take ourselves, whatever it offers. */
export function messageLimit(peerMaxMsgSize: number): number {
  if (peerMaxMsgSize === 0) return DEFAULT_MAX_MSG_SIZE
  return Math.min(Math.max(peerMaxMsgSize, LEAST_MAX_MSG_SIZE), OWN_MAX_MSG_SIZE)
}

/** The message while it fills up. */
export interface Packing {
  readonly state: ActiveState
  readonly commands: Command[]
  room: number
  nextCmdId: number
}

/** Octets of `command` in this session's encoding. */
export function sizeOf(packing: Packing, command: Command): number {
  const { encoding, version } = packing.state.identity
  return encodedCommandSize(command, encoding, version)
}
