/**
 * Answers as bytes: the header of our messages, and messages that hold nothing but Statuses (OM-10, OM-11).
 */

import { OWN_MAX_MSG_SIZE } from '../../schemas/limits.ts'
import { contentTypeOf, encodeMessage } from '../../schemas/syncml/codec.ts'
import { STATUS } from '../../schemas/syncml/codes.ts'
import type {
  Chal,
  Command,
  Cred,
  Encoding,
  Item,
  Message,
  StatusCommand,
  SyncHdr,
  SyncmlVersion,
} from '../../schemas/syncml/message.ts'
import { statusOf } from './commands/commandContext.ts'
import { messageLimit } from './packing.ts'

/** What goes back over HTTP. */
export interface OmadsReply {
  readonly status: number
  readonly contentType?: string
  readonly bytes: Uint8Array
  /** Of HTTP, beside the protocol: nobody needs them to understand the answer. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Largest MaxObjSize that every client can read. */
const HEADER_MAX_OBJ_SIZE = 2 ** 31 - 1

/** The header of our next message. */
export function ownHeader(
  received: SyncHdr,
  version: SyncmlVersion,
  from: {
    readonly serverUri: string
    readonly msgId: number
    readonly respUri?: string
    /** Our own credentials, and the name they are made with. */
    readonly cred?: Cred
    readonly locName?: string
  },
): SyncHdr {
  return {
    verDtd: version,
    verProto: `SyncML/${version}`,
    sessionId: received.sessionId,
    msgId: String(from.msgId),
    target: { locUri: received.source.locUri },
    source: { locUri: from.serverUri, ...(from.locName !== undefined && { locName: from.locName }) },
    ...(from.respUri === undefined ? {} : { respUri: from.respUri }),
    ...(from.cred && { cred: from.cred }),
    meta: {
      maxMsgSize: OWN_MAX_MSG_SIZE,
      ...(version === '1.0' ? {} : { maxObjSize: HEADER_MAX_OBJ_SIZE }),
    },
  }
}

/** The Status of a SyncHdr, without CmdID; undefined if the client wants none. */
export function headerStatus(
  received: SyncHdr,
  data: number,
  details: { readonly chal?: Chal | undefined; readonly items?: readonly Item[] } = {},
): StatusCommand | undefined {
  if (received.noResp) return undefined
  return {
    name: 'Status',
    cmdId: '1',
    msgRef: received.msgId,
    cmdRef: '0',
    cmd: 'SyncHdr',
    targetRefs: [received.target.locUri],
    sourceRefs: [received.source.locUri],
    ...(details.chal ? { chal: details.chal } : {}),
    data,
    items: details.items ?? [],
  }
}

/** Everything one message of the client is refused with. */
export interface Refusal {
  readonly status: number
  /** Status of each command; defaults to the header's. */
  readonly commandStatus?: number
  readonly chal?: Chal
  readonly versions?: readonly string[]
  /** For the client's user, as data of the header's Status: a code of ours and a sentence. */
  readonly why?: string
}

/** A message that refuses all of `received`: as many Statuses as the client's MaxMsgSize takes. */
export function refusalMessage(received: Message, header: SyncHdr, encoding: Encoding, refusal: Refusal): Message {
  const texts = refusal.versions ?? (refusal.why === undefined ? [] : [refusal.why])
  const items: Item[] = texts.map((text) => ({ data: { kind: 'text', text } }))
  const first = headerStatus(received.header, refusal.status, { chal: refusal.chal, items })
  const commands: Command[] = first ? [first] : []
  const silent = received.header.noResp === true || refusal.versions !== undefined
  const all = silent ? [] : received.commands.flatMap(withContents)
  let size = encodeMessage({ header, commands, final: true }, encoding).length
  for (const command of all) {
    if (command.name === 'Status' || command.noResp) continue
    const status = {
      ...statusOf(received.header, command, refusal.commandStatus ?? refusal.status),
      cmdId: String(commands.length + 1),
    }
    // Three of the elements hold the peer's text; the rest has a fixed length.
    size += 160 + command.cmdId.length + received.header.msgId.length
    if (size > messageLimit(received.header.meta?.maxMsgSize ?? 0)) break
    commands.push(status)
  }
  return { header, commands, final: true }
}

function withContents(command: Command): readonly Command[] {
  const holds = command.name === 'Sync' || command.name === 'Atomic' || command.name === 'Sequence'
  return holds ? [command, ...command.commands.flatMap(withContents)] : [command]
}

/** An HTTP reply that carries a message. */
export function toReply(message: Message, encoding: Encoding): OmadsReply {
  return { status: 200, contentType: contentTypeOf(encoding), bytes: encodeMessage(message, encoding) }
}

/** An HTTP reply without SyncML: the request could not be read at all. */
export function httpError(status: number): OmadsReply {
  return { status, bytes: new Uint8Array() }
}

/** Status of a SyncHdr that was accepted: 212 when credentials came with it. */
export function acceptedStatus(received: SyncHdr): number {
  return received.cred ? STATUS.authenticationAccepted : STATUS.ok
}
