/**
 * Works one message of a session through: commands in order, package end, answer, then state and answer on disk.
 */

import { MAX_OWED_STATUSES } from '../../schemas/limits.ts'
import { STATUS } from '../../schemas/syncml/codes.ts'
import type { Chal, Message } from '../../schemas/syncml/message.ts'
import type { ItemForClient } from '../datastore/syncDatastore.ts'
import { step } from '../steps.ts'
import { acceptedStatus, headerStatus, type OmadsReply, ownHeader, refusalMessage, toReply } from './answer.ts'
import { mayTryAgain } from './authenticateDatastore.ts'
import { isSyncAlert } from './chooseSyncMode.ts'
import { closePackage, closesPackage } from './closePackage.ts'
import { type CommandContext, datastoreOf } from './commands/commandContext.ts'
import { askForDescription } from './commands/deviceInformation.ts'
import { runCommand } from './commands/runCommand.ts'
import { endSession } from './endSession.ts'
import type { Arrival, OmadsDeps } from './handleMessage.ts'
import { respUri, tokenOf } from './locateSession.ts'
import { countAnswers, countOwed } from './owedStatuses.ts'
import { messageLimit } from './packing.ts'
import { type PeekItem, packReply } from './packReply.ts'
import { hearVerdict, proofInHeader } from './proveServer.ts'
import { transition } from './session.ts'
import { withAdvice } from './sessionGate.ts'
import type { ActiveState, SessionState } from './sessionState.ts'
import type { StoredAnswer } from './sessionStore.ts'
import { settleAnswers } from './settleAnswers.ts'

/** The login a message came with: its challenge for the answer, and what must be durable before. */
export interface FreshLogin {
  readonly chal: Chal | undefined
  confirm(): Promise<void>
}

/** What a message begins with: a login, or our answer to the one before. */
export interface Beginning {
  readonly login?: FreshLogin
  readonly last?: StoredAnswer
}

/** Runs the message in its session and gives the answer, which is durable by then. */
export async function runMessage(
  deps: OmadsDeps,
  arrival: Arrival,
  state: SessionState,
  { login, last }: Beginning,
): Promise<OmadsReply> {
  const { message, ids, inHand, request } = arrival
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
    itemAnswers: [],
    description: undefined,
    confirmations: [],
    suspended: false,
    worked: 0,
  }
  const { accountId, deviceId } = context.peer
  inHand.begin(started, () => deps.descriptions.read(accountId, deviceId))
  await hearVerdict(context, message, last)
  const failure = await work(context, message)
  const awaited = inHand.settle()
  const { reply, next: ended } =
    failure === undefined
      ? await answerOf(deps, arrival, context, { login, awaited })
      : await failed(deps, arrival, context, failure)
  const next = awaited ? transition(ended, { kind: 'awaited' }) : ended
  step('answer')
  const { contentType = '', bytes } = reply
  const answer = { msgId: ids.msgId, requestDigest: ids.digest, contentType, bytes }
  // Side by side, so that they share one commit.
  await Promise.all([
    login?.confirm(),
    ...context.confirmations.map((confirm) => confirm()),
    deps.sessions.save({ state: next, answer, touchedAt: deps.clock() }),
  ])
  step('answer-stored')
  await dropSpools(context)
  step('answer-released')
  logEnd(deps, next)
  const datastore = context.state.links[0]?.uri
  return withAdvice(deps.gate, reply, {
    ...{ peer: context.peer, window: request.window, datastore },
    ended: next.phase === 'ended',
  })
}

/** Runs the commands. @returns the Status that ends the session, or undefined. */
async function work(context: CommandContext, message: Message): Promise<number | undefined> {
  // Before anything is done: what is done must be answered (OM-26).
  if (countOwed(context.state.outbox.statuses) + countAnswers(message) > MAX_OWED_STATUSES) {
    return STATUS.entityTooLarge
  }
  for (const command of message.commands) await runCommand(context, command)
  const failure = await settleAnswers(context)
  if (failure !== undefined) return failure === 500 ? STATUS.serverFailure : failure
  if (context.suspended) return undefined
  if (message.commands.some(({ name }) => name === 'Alert')) await askForDescription(context)
  return closesPackage(context, message.commands, message.final) ? await closePackage(context) : undefined
}

/** Not before the answer is stored, or a repeat could not be served. */
async function dropSpools({ deps, state, discardedSpools }: CommandContext): Promise<void> {
  for (const spoolId of discardedSpools) {
    await deps.spool.remove(spoolId)
    // An object of an earlier session: it is held no longer.
    if (!spoolId.startsWith(`omads-${state.identity.token}-`)) await deps.heldObjects.removeSpool(spoolId)
  }
}

async function answerOf(
  deps: OmadsDeps,
  arrival: Arrival,
  context: CommandContext,
  { login, awaited }: { readonly login: FreshLogin | undefined; readonly awaited: boolean },
): Promise<{ reply: OmadsReply; next: SessionState }> {
  const { request, message, version, encoding } = arrival
  const { statuses, commands } = context
  const owing = transition(context.state, { kind: 'owing', statuses, commands }) as ActiveState
  const { token, serverUri } = owing.identity
  const msgId = owing.ownMsgId + 1
  // A RespURI the client knows already confuses some (reference 6.4).
  const address = tokenOf(request) === token ? {} : { respUri: respUri(request, deps.publicUrl, token) }
  const proof = await proofInHeader(deps, owing)
  const header = ownHeader(message.header, version, { serverUri, msgId, ...address, ...proof })
  const accepted = login ? STATUS.authenticationAccepted : acceptedStatus(message.header)
  const packed = await packReply({
    state: owing,
    header,
    headerStatus: headerStatus(message.header, accepted, { chal: login?.chal }),
    peekItem: itemPages(context),
    suspended: context.suspended,
    repeatable: awaited,
  })
  const { outbox, links, sent, complete } = packed
  const answered = transition(owing, { kind: 'answered', msgId, outbox, links, sent, complete })
  const next = await endingOf(deps, arrival, context, answered)
  if (next.phase === 'ended' && next.reason === 'complete') await abandonUnused(deps, owing)
  const { respUri: _, ...lastHeader } = header
  const body = {
    header: next.phase === 'ended' ? lastHeader : header,
    commands: packed.commands,
    final: packed.final,
  }
  return { reply: toReply(body, encoding), next }
}

/** The session after the answer: it ends here if nothing can follow. */
async function endingOf(
  deps: OmadsDeps,
  arrival: Arrival,
  { suspended }: CommandContext,
  answered: SessionState,
): Promise<SessionState> {
  if (suspended) return endSession(deps, answered, 'suspended')
  return isRefused(arrival, answered) ? endSession(deps, answered, 'refused') : answered
}

/**
 * All Alerts were refused: nothing is left to talk about. Without any Alert the client may still send one, and after a
 * challenge it may send one again.
 */
function isRefused({ message }: Arrival, state: SessionState): boolean {
  if (state.phase !== 'open' || state.peerClosed || state.links.length > 0 || !message.final) return false
  if (state.challenged.some(mayTryAgain)) return false
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

/** Items in one page of a datastore, and their octets: about as much as a message takes. */
const PAGE_ITEMS = 500

/** Reads Items of package 4, page by page. */
function itemPages(context: CommandContext): PeekItem {
  let page: { readonly uri: string; readonly from: number; readonly items: readonly ItemForClient[] } | undefined
  return async (link, position) => {
    const held = page?.uri === link.uri ? page.items[position - page.from] : undefined
    if (held !== undefined || position >= link.total) return held
    const { datastore, client } = await datastoreOf(context, link)
    const maxBytes = messageLimit(context.state.peerMaxMsgSize)
    const items = await datastore.page(client, link.state, position, { count: PAGE_ITEMS, maxBytes })
    page = { uri: link.uri, from: position, items }
    return items[0]
  }
}

function logEnd(deps: OmadsDeps, state: SessionState): void {
  if (state.phase !== 'ended' || state.reason !== 'complete') return
  deps.log.info('session complete', { sessionId: state.identity.sessionId, deviceId: state.identity.deviceId })
}
