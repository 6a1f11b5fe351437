/**
 * Takes one message of the server: Statuses settle what was sent, everything else is carried out and answered
 * (reference 3.7). What is unknown is answered 406 and changes nothing. Rules DC-61 to DC-63.
 */

import { isSuccess, STATUS } from '../../schemas/syncml/codes.ts'
import { devInfTypeOf } from '../../schemas/syncml/contentType.ts'
import { pathOf } from '../../schemas/syncml/datastoreUri.ts'
import type {
  AlertCommand,
  Command,
  DevInf,
  GetPutCommand,
  Item,
  Message,
  ResultsCommand,
  StatusCommand,
} from '../../schemas/syncml/message.ts'
import type { Answer } from '../session/conversation.ts'
import { refusalOf } from '../session/refusal.ts'
import { devInfDigest } from '../session/serverMemory.ts'
import type { StatusRefs } from './dialogue.ts'
import { noteChange, noteFailure } from './syncReport.ts'
import type { SyncNote, SyncRun } from './syncRun.ts'
import { takeSync } from './takeSync.ts'

/**
 * True if the message brought anything that the sync waits for.
 * @throws {CodedError} if the server refuses the session, or what the source throws.
 */
export async function takeAnswer(run: SyncRun, { message, header }: Answer): Promise<boolean> {
  if (header.kind !== 'accepted') throw refusalOf(header.kind === 'refused' ? header.status : STATUS.invalidCredentials)
  noteLimit(run, message.header.meta?.maxObjSize)
  const statuses = message.commands.filter((c) => c.name === 'Status')
  // One commit for all of them: each is only worth what is durable.
  let brought = run.ports.state.together(() => statuses.filter((status) => settle(run, status)).length > 0)
  if (run.putTaken) await run.dialogue.conversation.rememberDevInf(devInfDigest(run.request.devInf))
  run.putTaken = false
  for (const command of message.commands) {
    if (command.name !== 'Status') brought = (await take(run, message, command)) || brought
  }
  return brought
}

function noteLimit(run: SyncRun, maxObjSize: number | undefined): void {
  if (maxObjSize === undefined || maxObjSize <= 0) return
  run.serverMaxObjSize = Math.min(run.serverMaxObjSize ?? maxObjSize, maxObjSize)
}

async function take(run: SyncRun, message: Message, command: Exclude<Command, StatusCommand>): Promise<boolean> {
  const { dialogue } = run
  switch (command.name) {
    case 'Sync':
      await takeSync(run, message, command)
      return true
    case 'Alert':
      return takeAlert(run, message, command)
    case 'Get':
      answerGet(run, message, command)
      return true
    case 'Put':
    case 'Results':
      for (const { data } of command.items) if (data?.kind === 'devInf') learn(run, data.devInf)
      dialogue.answer(message, command, STATUS.ok, refsOf(command))
      return true
    default:
      dialogue.answer(message, command, STATUS.optionalFeatureNotSupported)
      return false
  }
}

function refsOf({ items }: { readonly items: readonly Item[] }): StatusRefs {
  const [item] = items
  return { targetRef: item?.target?.locUri, sourceRef: item?.source?.locUri }
}

function takeAlert(run: SyncRun, message: Message, command: AlertCommand): boolean {
  const code = (command.data ?? '').trim()
  const [item] = command.items
  const answer = (status: number, items: readonly Item[] = []) =>
    run.dialogue.answer(message, command, status, refsOf(command), items)
  if (/^(20[0-5]|225)$/.test(code)) {
    run.offered = code
    noteLimit(run, item?.meta?.maxObjSize)
    const next = item?.meta?.anchor?.next
    answer(STATUS.ok, next === undefined ? [] : [{ data: { kind: 'anchor', anchor: { next } } }])
    return true
  }
  // The next message, a text for the user, an object that was not ended: nothing here waits for them.
  answer(['100', '222', '223'].includes(code) ? STATUS.ok : STATUS.optionalFeatureNotSupported)
  return false
}

function answerGet(run: SyncRun, message: Message, command: GetPutCommand): void {
  const { dialogue, request } = run
  const [uri] = command.items.map(({ target }) => target?.locUri ?? '')
  const known = /devinf1[0-2]$/.test(uri ?? '')
  dialogue.answer(message, command, known ? STATUS.ok : STATUS.notFound, refsOf(command))
  if (!known) return
  const results: ResultsCommand = {
    name: 'Results',
    cmdId: '',
    msgRef: message.header.msgId,
    cmdRef: command.cmdId,
    meta: { type: devInfTypeOf(dialogue.conversation.codec.encoding) },
    items: [{ source: { locUri: './devinf12' }, data: { kind: 'devInf', devInf: request.devInf } }],
  }
  dialogue.owe(results)
}

/** Notes which content types the server's datastore takes. */
function learn({ request, ports: { state } }: SyncRun, { dataStores }: DevInf): void {
  const plain = (uri: string) => pathOf(uri.split('?')[0] ?? '').toLowerCase()
  const wanted = plain(request.stores.remote)
  const store = dataStores.find(({ sourceRef }) => plain(sourceRef) === wanted)
  if (store === undefined) return
  const takes = [...(store.rxPref === undefined ? [] : [store.rxPref]), ...store.rx]
  state.setLink({ ...state.link(), takes })
}

function settle(run: SyncRun, status: StatusCommand): boolean {
  const note = run.dialogue.noteOf(status)
  if (note === undefined) return false
  switch (note.kind) {
    case 'alert':
      run.alertStatus = status.data
      break
    case 'put':
      run.putTaken = status.data === STATUS.ok
      break
    case 'map':
      settleMap(run, note, status)
      break
    case 'change':
      settleChange(run, note, status.data)
      break
    case 'get':
      break
  }
  return true
}

function settleMap(
  { ports: { state }, mapped }: SyncRun,
  { pairs }: Extract<SyncNote, { kind: 'map' }>,
  status: StatusCommand,
): void {
  // What passes is tried again; what the server does not know by that id it will never know.
  if (status.data === STATUS.retryLater || status.data >= 500) return
  const named = new Set([...status.targetRefs, ...status.sourceRefs])
  const single = pairs.filter(({ guid, luid }) => named.has(guid) || named.has(luid))
  for (const pair of single.length > 0 ? single : pairs) {
    state.mapped(pair)
    mapped.set(pair.guid, pair.luid)
  }
}

/** Outcomes of a conflict that the server settled. */
const CONFLICTS: readonly number[] = [
  STATUS.conflictMerged,
  STATUS.conflictClientWins,
  STATUS.conflictDuplicated,
  STATUS.conflictServerWins,
]

/** The server has no such item. */
const UNKNOWN: readonly number[] = [STATUS.notFound, STATUS.gone]

function settleChange(run: SyncRun, note: Extract<SyncNote, { kind: 'change' }>, status: number): void {
  const { tally, ports } = run
  const { command, luid } = note.change
  if (note.more === true) {
    const goesOn = status === STATUS.chunkAccepted || status === STATUS.ok || status === STATUS.operationCancelled
    if (goesOn) return
    run.chunkRefused = status
    noteFailure(tally, { luid, status, reason: 'the server refused a part of it' })
    return
  }
  if (CONFLICTS.includes(status)) tally.conflicts += 1
  const done = isSuccess(status) && status !== STATUS.chunkAccepted && status !== STATUS.operationCancelled
  if (command === 'Delete') {
    if (!done && !UNKNOWN.includes(status)) noteFailure(tally, { luid, status, reason: 'the server did not delete it' })
    // A server that keeps what we gave up sends it again as new.
    if (done || UNKNOWN.includes(status) || status === STATUS.forbidden) ports.state.forget(luid)
    if (done) tally.sent.deleted += 1
    return
  }
  if ((done || status === STATUS.alreadyExists) && note.digest !== undefined) {
    const { digest } = note
    ports.state.agree(luid, digest)
    if (command === 'Add') ports.state.freshen(luid)
    if (command === 'Replace' && status !== STATUS.itemAdded && status !== STATUS.alreadyExists)
      noteChange(tally.sent, 'Replace')
    else if (status === STATUS.itemAdded || (command === 'Add' && done)) noteChange(tally.sent, 'Add')
    return
  }
  // It comes as new next time.
  if (UNKNOWN.includes(status)) ports.state.forget(luid)
  noteFailure(tally, { luid, status, reason: 'the server did not take it' })
}
