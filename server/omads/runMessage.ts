/**
 * Works one message of a session through: commands in order, package end, answer, then state and answer on disk.
 */

import { setImmediate } from 'node:timers/promises'
import type { Chal } from '../../schemas/syncml/message.ts'
import { step } from '../steps.ts'
import { acceptedStatus, headerStatus, type OmadsReply, ownHeader, refusalMessage, toReply } from './answer.ts'
import { isSyncAlert } from './chooseSyncMode.ts'
import { closePackage, closesPackage } from './closePackage.ts'
import type { CommandContext } from './commands/commandContext.ts'
import { runCommand } from './commands/runCommand.ts'
import { endSession } from './endSession.ts'
import type { Arrival, OmadsDeps } from './handleMessage.ts'
import { respUri, tokenOf } from './locateSession.ts'
import type { ReadItem } from './packItem.ts'
import { packReply } from './packReply.ts'
import { transition } from './session.ts'
import type { ActiveState, SessionState } from './sessionState.ts'

/** Commands between two turns of the event loop. */
const COMMANDS_PER_TURN = 100

/** Runs the message in its session and gives the answer, which is durable by then. */
export async function runMessage(
  deps: OmadsDeps,
  arrival: Arrival,
  state: SessionState,
  chal: Chal | undefined,
): Promise<OmadsReply> {
  const { message, ids } = arrival
  const { maxMsgSize, maxObjSize } = message.header.meta ?? {}
  const started = transition(state, { kind: 'message', msgId: ids.msgId, maxMsgSize, maxObjSize }) as ActiveState
  const context: CommandContext = {
    deps,
    header: message.header,
    peer: started.peer,
    state: started,
    statuses: [],
    commands: [],
    discardedSpools: [],
  }
  for (const [index, command] of message.commands.entries()) {
    // Thousands of commands of one device are not worked through before others had their turn (OM-24).
    if (index % COMMANDS_PER_TURN === COMMANDS_PER_TURN - 1) await setImmediate()
    await runCommand(context, command)
  }
  const failure = closesPackage(context, message.commands, message.final) ? await closePackage(context) : undefined
  const { reply, next } =
    failure === undefined ? await answerOf(deps, arrival, context, chal) : await failed(deps, arrival, context, failure)
  step('answer')
  await deps.sessions.save({
    state: next,
    answer: { msgId: ids.msgId, requestDigest: ids.digest, contentType: reply.contentType ?? '', bytes: reply.bytes },
    touchedAt: deps.clock(),
  })
  step('answer-stored')
  for (const spoolId of context.discardedSpools) await deps.spool.remove(spoolId)
  step('answer-released')
  logEnd(deps, next)
  return reply
}

async function answerOf(
  deps: OmadsDeps,
  arrival: Arrival,
  context: CommandContext,
  chal: Chal | undefined,
): Promise<{ reply: OmadsReply; next: SessionState }> {
  const { request, message, version, encoding } = arrival
  const { statuses, commands } = context
  const owing = transition(context.state, { kind: 'owing', statuses, commands }) as ActiveState
  const { token, serverUri } = owing.identity
  const msgId = owing.ownMsgId + 1
  // A RespURI the client knows already confuses some (reference 6.4).
  const address = tokenOf(request) === token ? {} : { respUri: respUri(request, deps.publicUrl, token) }
  const header = ownHeader(message.header, version, { serverUri, msgId, ...address })
  const packed = await packReply({
    state: owing,
    header,
    headerStatus: headerStatus(message.header, acceptedStatus(message.header), { chal }),
    readItem: itemReader(context),
  })
  const { outbox, links, sent, complete } = packed
  const answered = transition(owing, { kind: 'answered', msgId, outbox, links, sent, complete })
  const next = isRefused(arrival, answered) ? await endSession(deps, answered, 'refused') : answered
  if (next.phase === 'ended') await abandonUnused(deps, owing)
  const { respUri: _, ...lastHeader } = header
  const body = { header: next.phase === 'ended' ? lastHeader : header, commands: packed.commands, final: packed.final }
  return { reply: toReply(body, encoding), next }
}

/** All Alerts were refused: nothing is left to talk about. Without any Alert the client may still send one. */
function isRefused({ message }: Arrival, state: SessionState): boolean {
  if (state.phase !== 'open' || state.peerClosed || state.links.length > 0 || !message.final) return false
  return message.commands.some((c) => c.name === 'Alert' && isSyncAlert((c.data ?? '').trim()))
}

/** A datastore that an Alert opened and no Sync followed for. */
async function abandonUnused(deps: OmadsDeps, state: ActiveState): Promise<void> {
  const links = state.links.filter((link) => !link.finished && !link.sendsSync)
  if (links.length > 0) await endSession(deps, { ...state, links }, 'complete')
}

async function failed(
  deps: OmadsDeps,
  arrival: Arrival,
  context: CommandContext,
  status: number,
): Promise<{ reply: OmadsReply; next: SessionState }> {
  const { message, version, encoding } = arrival
  const { serverUri } = context.state.identity
  const header = ownHeader(message.header, version, { serverUri, msgId: context.state.ownMsgId + 1 })
  // Statuses of what was done stand; the header says that the session ends here (reference 3.17).
  const refusal = refusalMessage({ ...message, commands: [] }, header, encoding, { status })
  const [first] = refusal.commands
  const statuses = context.statuses.map((command, index) => ({ ...command, cmdId: String(index + 2) }))
  const body = { ...refusal, commands: first ? [first, ...statuses] : statuses }
  return { reply: toReply(body, encoding), next: await endSession(deps, context.state, 'aborted') }
}

/** Reads Items of package 4; the list of a datastore is asked for once per message. */
function itemReader(context: CommandContext): ReadItem {
  const lists = new Map<string, Awaited<ReturnType<typeof outgoing>>>()
  const outgoing = async (uri: string) => {
    const link = context.state.links.find((l) => l.uri === uri)
    const datastore = await context.deps.registry.find(context.peer, uri)
    return link && datastore ? (await datastore.outgoing(context.peer, link.state)).items : []
  }
  return async (uri, id, offset, length) => {
    const items = lists.get(uri) ?? (await outgoing(uri))
    lists.set(uri, items)
    const item = items.find((i) => i.id === id)
    return item ? item.read(offset, length) : new Uint8Array()
  }
}

function logEnd(deps: OmadsDeps, state: SessionState): void {
  if (state.phase !== 'ended' || state.reason !== 'complete') return
  deps.log.info('session complete', { sessionId: state.identity.sessionId, deviceId: state.identity.deviceId })
}
