/**
 * Receives everything of a datastore (Alert 205): Items whole or in chunks go to the sink as they arrive, each is
 * answered with its Status and mapped (reference 3.3, 3.8, 3.11).
 */

import { MAX_OBJECT_BYTES } from '../../schemas/limits.ts'
import { isSuccess } from '../../schemas/syncml/codes.ts'
import { effectiveMeta } from '../../schemas/syncml/effectiveMeta.ts'
import { itemOctets } from '../../schemas/syncml/itemOctets.ts'
import type { Command, Item, ItemCommand, MapItem } from '../../schemas/syncml/message.ts'
import { type Answer, type Conversation, malformed } from './conversation.ts'
import { type AlertReply, alertCmdId, openingAnswer, openingCommands, readAlertReply, rememberPut } from './opening.ts'
import { nextMessage, type TransferOutcome } from './sendItem.ts'
import type { ItemSink, ItemWriter, SessionProgress, Transfer } from './sessionRequest.ts'

/** Answers in a row without any Item; then the server is taken for stuck. */
const MAX_IDLE_ANSWERS = 5

interface Arriving {
  readonly id: string
  readonly sizeBytes: number
  readonly writer: ItemWriter
  received: number
}

interface Receiving {
  readonly conversation: Conversation
  readonly sink: ItemSink
  readonly onProgress: (progress: SessionProgress) => void
  arriving: Arriving | undefined
  alert: AlertReply | undefined
  readonly mapped: MapItem[]
  itemStatus: number | undefined
  failed: number | undefined
}

export async function receiveItems(
  conversation: Conversation,
  transfer: Extract<Transfer, { kind: 'receive' }>,
  onProgress: (progress: SessionProgress) => void,
): Promise<TransferOutcome> {
  const receiving: Receiving = {
    conversation,
    sink: transfer.sink,
    onProgress,
    arriving: undefined,
    alert: undefined,
    mapped: [],
    itemStatus: undefined,
    failed: undefined,
  }
  try {
    return await run(receiving)
  } finally {
    await receiving.arriving?.writer.abort()
  }
}

async function run(receiving: Receiving): Promise<TransferOutcome> {
  const { conversation } = receiving
  const { datastore, localUri } = conversation.request
  const sync: Command = {
    name: 'Sync',
    cmdId: '',
    target: { locUri: datastore },
    source: { locUri: localUri },
    commands: [],
  }
  // Nothing is taken from a server that has yet to prove itself.
  let commands: Command[] = [...openingCommands(conversation), ...(conversation.demandsProof ? [] : [sync])]
  let final = true
  for (let idle = 0; idle < MAX_IDLE_ANSWERS; idle++) {
    const opens = receiving.alert === undefined
    const message = conversation.compose(commands, final)
    const answer = await conversation.send(message)
    if (answer.header.kind === 'refused') return end(receiving, 'refused', answer.header.status)
    if (answer.header.kind === 'challenged') continue
    if (opens) {
      const waited = conversation.demandsProof
      const opened = await openingAnswer(conversation, answer, alertCmdId(message.commands))
      await rememberPut(conversation, opened, message.commands)
      receiving.alert = readAlertReply(conversation, opened, alertCmdId(message.commands))
      if (receiving.alert.status === 508) return end(receiving, 'refresh-required', 508)
      if (!isSuccess(receiving.alert.status)) return end(receiving, 'refused', receiving.alert.status)
      if (waited) {
        commands = [sync]
        continue
      }
    }
    if (await takeSyncs(receiving, answer)) idle = -1
    if (answer.message.final) return close(receiving, answer)
    commands = [nextMessage(conversation)]
    final = false
  }
  throw malformed('answers without any item')
}

/** Package 5: Statuses and Map; without any Item there is nothing to say. */
async function close(receiving: Receiving, answer: Answer): Promise<TransferOutcome> {
  const { conversation, mapped, failed } = receiving
  if (receiving.arriving) throw malformed('the end of a package inside an item')
  const answered = answer.message.commands.some((c) => c.name === 'Sync')
  if (answered) {
    const { datastore, localUri } = conversation.request
    const map: Command = {
      name: 'Map',
      cmdId: '',
      target: { locUri: datastore },
      source: { locUri: localUri },
      mapItems: mapped,
    }
    const last = await conversation.send(conversation.compose(mapped.length > 0 ? [map] : [], true))
    if (last.header.kind !== 'accepted') {
      return end(receiving, 'refused', last.header.kind === 'refused' ? last.header.status : 401)
    }
  }
  return failed === undefined ? end(receiving, 'accepted', 200) : end(receiving, 'refused', failed)
}

/** Takes all Items of an answer; true if there was one. */
async function takeSyncs(receiving: Receiving, answer: Answer): Promise<boolean> {
  const { conversation } = receiving
  let took = false
  for (const command of answer.message.commands) {
    if (command.name !== 'Sync') continue
    const refs = { targetRef: command.target?.locUri, sourceRef: command.source?.locUri }
    if (!command.noResp) conversation.owe(conversation.statusFor(answer.message, command, 200, refs))
    for (const inner of command.commands) {
      if (inner.name === 'Status') continue
      took = true
      const known = inner.name === 'Add' || inner.name === 'Replace'
      const status = known ? await takeItems(receiving, inner) : 406
      if (inner.noResp) continue
      const [item] = known && inner.items.length === 1 ? inner.items : []
      const itemRefs = { targetRef: item?.target?.locUri, sourceRef: item?.source?.locUri }
      conversation.owe(conversation.statusFor(answer.message, inner, status, itemRefs))
    }
  }
  return took
}

async function takeItems(receiving: Receiving, command: ItemCommand): Promise<number> {
  let status = 412
  for (const item of command.items) status = await takeItem(receiving, command, item)
  return status
}

async function takeItem(receiving: Receiving, command: ItemCommand, item: Item): Promise<number> {
  const id = item.source?.locUri ?? item.target?.locUri
  if (id === undefined) throw malformed('an item without id')
  const meta = effectiveMeta(command, item)
  const octets = item.data === undefined ? new Uint8Array() : itemOctets(item.data, meta.format)
  if (octets === undefined) throw malformed('an item that is no octets')
  const arriving =
    receiving.arriving ?? (await begin(receiving, id, meta.type ?? '', meta.size, item.moreData === true))
  receiving.arriving = arriving
  if (arriving.id !== id) throw malformed(`item ${id.slice(0, 40)} before the end of another`)
  arriving.received += octets.length
  if (arriving.received > arriving.sizeBytes) throw malformed(`more octets than the ${arriving.sizeBytes} announced`)
  await arriving.writer.write(octets)
  receiving.onProgress({
    bytesDone: arriving.received,
    bytesTotal: item.moreData ? arriving.sizeBytes : arriving.received,
  })
  if (item.moreData) return 213
  return finishItem(receiving, arriving, item)
}

async function begin(
  receiving: Receiving,
  id: string,
  type: string,
  size: number | undefined,
  more: boolean,
): Promise<Arriving> {
  if (more && size === undefined) throw malformed('a chunk without size')
  const sizeBytes = more ? (size ?? 0) : MAX_OBJECT_BYTES
  if (sizeBytes > MAX_OBJECT_BYTES) throw malformed(`an item of ${sizeBytes} octets`)
  return { id, sizeBytes, writer: await receiving.sink.begin({ id, type, sizeBytes: size }), received: 0 }
}

async function finishItem(receiving: Receiving, arriving: Arriving, item: Item): Promise<number> {
  receiving.arriving = undefined
  const chunked = arriving.sizeBytes !== MAX_OBJECT_BYTES
  if (chunked && arriving.received !== arriving.sizeBytes) {
    await arriving.writer.abort()
    receiving.failed = 424
    receiving.itemStatus = 424
    return 424
  }
  const status = await arriving.writer.finish()
  receiving.itemStatus = status
  if (!isSuccess(status)) receiving.failed = status
  else if (item.source) receiving.mapped.push({ target: item.source, source: item.source })
  return status
}

function end(receiving: Receiving, outcome: TransferOutcome['outcome'], status: number): TransferOutcome {
  return { outcome, status, alert: receiving.alert, itemStatus: receiving.itemStatus }
}
