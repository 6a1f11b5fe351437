/**
 * Sends one Item (Alert 202 or 203): in the first message if the server will know us, else after the challenge;
 * in chunks as large as the server's messages may be (DC-11, reference 3.11).
 */

import { CodedError } from '../../schemas/errors.ts'
import { isSuccess } from '../../schemas/syncml/codes.ts'
import type { Command, Message } from '../../schemas/syncml/message.ts'
import { encodeWbxmlMessage } from '../../schemas/syncml/wbxmlCodec.ts'
import { ContentReader } from './contentReader.ts'
import { type Answer, ASSUMED_MAX_MSG_SIZE, type Conversation, malformed } from './conversation.ts'
import { type AlertReply, alertCmdId, openingAnswer, openingCommands, readAlertReply, rememberPut } from './opening.ts'
import type { SendContent, SessionProgress, Transfer } from './sessionRequest.ts'

/** How a session ended, without its costs. */
export interface TransferOutcome {
  readonly outcome: 'accepted' | 'refresh-required' | 'refused'
  readonly status: number
  readonly alert: AlertReply | undefined
  readonly itemStatus: number | undefined
}

/** Tag, length and END of an opaque. */
const OPAQUE_OVERHEAD = 12

/** Answers in a row that bring nothing; then the server is taken for stuck (reference 3.9). */
const MAX_IDLE_ANSWERS = 5

interface Sending {
  readonly conversation: Conversation
  readonly content: SendContent
  readonly reader: ContentReader
  readonly onProgress: (progress: SessionProgress) => void
  alert: AlertReply | undefined
  offset: number
}

export async function sendItem(
  conversation: Conversation,
  transfer: Extract<Transfer, { kind: 'send' }>,
  onProgress: (progress: SessionProgress) => void,
): Promise<TransferOutcome> {
  const content = transfer.item
  const reader = new ContentReader(content)
  try {
    return await run({ conversation, content, reader, onProgress, alert: undefined, offset: 0 })
  } finally {
    await reader.close()
  }
}

async function run(sending: Sending): Promise<TransferOutcome> {
  const { conversation, content } = sending
  for (;;) {
    const opening = sending.alert === undefined ? openingCommands(conversation) : []
    // An unknown nonce may cost a challenge: a large first chunk would then have been sent for nothing.
    const isUnknown = conversation.memory.nonce === undefined && content.sizeBytes > ASSUMED_MAX_MSG_SIZE
    const waits = opening.length > 0 && (isUnknown || conversation.demandsProof)
    const { message, sent } = waits ? bare(conversation, opening) : await withChunk(sending, opening)
    const answer = await conversation.send(message)
    if (answer.header.kind === 'refused') return refused(sending, answer.header.status)
    if (answer.header.kind === 'challenged') {
      // The complete package again, with the new nonce.
      Object.assign(sending, { offset: 0, alert: undefined })
      continue
    }
    if (opening.length > 0) {
      const opened = await openingAnswer(conversation, answer, alertCmdId(message.commands))
      await rememberPut(conversation, opened, message.commands)
      sending.alert = readAlertReply(conversation, opened, alertCmdId(message.commands))
      if (sending.alert.status === 508) return { ...refused(sending, 508), outcome: 'refresh-required' }
      if (!isSuccess(sending.alert.status)) return refused(sending, sending.alert.status)
    }
    if (waits) continue
    const end = await judgeChunk(sending, message, answer, sent)
    if (end) return end
  }
}

function bare(conversation: Conversation, opening: readonly Command[]): { message: Message; sent: number } {
  return { message: conversation.compose(opening, true), sent: 0 }
}

/** A message with as much of the content as it may hold. */
async function withChunk(sending: Sending, opening: readonly Command[]): Promise<{ message: Message; sent: number }> {
  const { conversation, content, offset } = sending
  const rest = content.sizeBytes - offset
  const compose = (bytes: Uint8Array, more: boolean) =>
    conversation.compose([...opening, syncOf(sending, bytes, more)], !more)
  const frame = encodeWbxmlMessage(compose(new Uint8Array(), true)).length + OPAQUE_OVERHEAD
  const room = conversation.maxMsgSize - frame
  if (rest > 0 && room < 1)
    throw new CodedError('protocol.too-large', `messages of ${conversation.maxMsgSize} octets are too small`)
  const sent = Math.min(rest, room)
  return { message: compose(await sending.reader.read(offset, sent), sent < rest), sent }
}

function syncOf(sending: Sending, bytes: Uint8Array, more: boolean): Command {
  const { content, offset, conversation } = sending
  const { datastore, localUri, transfer } = conversation.request
  const size = more && offset === 0 ? { size: content.sizeBytes } : {}
  const add: Command = {
    name: transfer.type === 203 ? 'Add' : 'Replace',
    cmdId: '',
    items: [
      {
        source: { locUri: content.luid },
        meta: { format: 'bin', type: content.type, ...size },
        data: { kind: 'bytes', bytes },
        ...(more ? { moreData: true } : {}),
      },
    ],
  }
  return { name: 'Sync', cmdId: '', target: { locUri: datastore }, source: { locUri: localUri }, commands: [add] }
}

/** Reads what became of the chunk; undefined if the next one is due. */
async function judgeChunk(
  sending: Sending,
  message: Message,
  answer: Answer,
  sent: number,
): Promise<TransferOutcome | undefined> {
  const { conversation, content, onProgress } = sending
  const sync = message.commands.find((c) => c.name === 'Sync')
  const [item] = sync?.name === 'Sync' ? sync.commands : []
  const msgId = conversation.msgId
  const found = await awaitStatus(conversation, answer, msgId, item?.cmdId ?? '')
  const syncStatus = answer.statusOf(msgId, sync?.cmdId ?? '')?.data
  if (syncStatus !== undefined && !isSuccess(syncStatus)) return refused(sending, syncStatus)
  if (typeof found !== 'number') return refused(sending, found.refused)
  const last = message.final
  // The server took the Alert, but cannot apply this Delta (BK-6, BK-12): it wants the whole file.
  if (found === 508) return { ...refused(sending, found, found), outcome: 'refresh-required' }
  // 213, and what other servers say in its place (reference 3.11).
  if (last ? !isSuccess(found) || found === 213 : ![200, 213, 214].includes(found))
    return refused(sending, found, found)
  sending.offset += sent
  onProgress({ bytesDone: sending.offset, bytesTotal: content.sizeBytes })
  return last ? { outcome: 'accepted', status: found, alert: sending.alert, itemStatus: found } : undefined
}

/** The Status of our Item; a server short of room may send it with a later message (Alert 222). */
async function awaitStatus(
  conversation: Conversation,
  first: Answer,
  msgId: number,
  cmdId: string,
): Promise<number | { refused: number }> {
  let answer = first
  for (let idle = 0; idle < MAX_IDLE_ANSWERS; idle++) {
    const status = answer.statusOf(msgId, cmdId)
    if (status) return status.data
    if (answer.message.final) break
    answer = await conversation.send(conversation.compose([nextMessage(conversation)], false))
    if (answer.header.kind !== 'accepted')
      return { refused: answer.header.kind === 'refused' ? answer.header.status : 401 }
  }
  throw malformed('no status for an item')
}

/** Alert 222: "your next message, please". */
export function nextMessage(conversation: Conversation): Command {
  const { datastore, localUri } = conversation.request
  return {
    name: 'Alert',
    cmdId: '',
    data: '222',
    items: [{ target: { locUri: datastore }, source: { locUri: localUri } }],
  }
}

function refused(sending: Sending, status: number, itemStatus?: number): TransferOutcome {
  return { outcome: 'refused', status, alert: sending.alert, itemStatus }
}
