/**
 * The last answer once more, for a client that was told to wait and asks for it by Alert 221 (OM-34): what it said,
 * behind the Statuses of the message that asks.
 */

import { decodeMessage } from '../../schemas/syncml/codec.ts'
import { STATUS } from '../../schemas/syncml/codes.ts'
import type { Command, SyncHdr } from '../../schemas/syncml/message.ts'
import { acceptedStatus, headerStatus, type OmadsReply, ownHeader, toReply } from './answer.ts'
import { refsOf, statusOf } from './commands/commandContext.ts'
import type { Arrival, OmadsDeps } from './handleMessage.ts'
import { isResultAlert } from './isResultAlert.ts'
import { type Located, respUri, tokenOf } from './locateSession.ts'
import { proofInHeader } from './proveServer.ts'
import { transition } from './session.ts'
import type { SessionState } from './sessionState.ts'
import type { SessionRecord, StoredAnswer } from './sessionStore.ts'

/**
 * True if `arrival` asks for the answer that its client was told to wait for. It may have asked before, and was told to
 * wait again: those messages count. Also true of a session that is over with that answer.
 */
export function isAwaited({ record, by }: Located, { message, ids, request, version, encoding }: Arrival): boolean {
  const { identity, awaited, lastMsgId } = record.state
  if (!awaited || ids.msgId <= lastMsgId || !isResultAlert(message)) return false
  if (version !== identity.version || encoding !== identity.encoding) return false
  return by === 'token' || (message.header.cred === undefined && identity.remoteAddress === request.remoteAddress)
}

/** Answers with what the last answer said; durable before it goes out (OM-4). */
export async function repeatAnswer(deps: OmadsDeps, arrival: Arrival, record: SessionRecord): Promise<OmadsReply> {
  const { state, answer } = record
  const { message, version, encoding, ids, request } = arrival
  const { token, serverUri } = state.identity
  // Each message of the client had one of ours, those included that told it to wait.
  const ownMsgId = state.ownMsgId + ids.msgId - state.lastMsgId
  const isKnown = state.phase === 'ended' || tokenOf(request) === token
  const address = isKnown ? {} : { respUri: respUri(request, deps.publicUrl, token) }
  const proof = state.phase === 'open' ? await proofInHeader(deps, state) : {}
  const header = ownHeader(message.header, version, { serverUri, msgId: ownMsgId, ...address, ...proof })
  const leading = statusesOf(arrival)
  const reply = toReply(repeated(answer, header, leading, state), encoding)
  const next = transition(state, { kind: 'repeated', msgId: ids.msgId, ownMsgId, shift: leading.length })
  const stored = { msgId: ids.msgId, requestDigest: ids.digest, contentType: answer.contentType, bytes: reply.bytes }
  await deps.sessions.save({ state: next, answer: stored, touchedAt: deps.clock() })
  return reply
}

/** Statuses of the message that asks. */
function statusesOf({ message }: Arrival): Command[] {
  const { header, commands } = message
  const own = headerStatus(header, acceptedStatus(header))
  const [alert] = commands.filter(({ name }) => name === 'Alert')
  const asked = alert?.name === 'Alert' && !alert.noResp && !header.noResp ? alert : undefined
  return [
    ...(own ? [own] : []),
    ...(asked ? [{ ...statusOf(header, asked, STATUS.ok, refsOf(asked.items[0])), cmdId: own ? '2' : '1' }] : []),
  ]
}

function repeated(answer: StoredAnswer, header: SyncHdr, leading: readonly Command[], { identity }: SessionState) {
  const { commands, final } = decodeMessage(answer.bytes, identity.encoding)
  return { header, commands: [...leading, ...commands.map((command) => shifted(command, leading.length))], final }
}

function shifted(command: Command, by: number): Command {
  const cmdId = String(Number(command.cmdId) + by)
  if (!('commands' in command)) return { ...command, cmdId }
  return { ...command, cmdId, commands: command.commands.map((inner) => shifted(inner, by)) }
}
