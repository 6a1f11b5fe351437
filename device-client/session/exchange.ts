/**
 * One message to the server and one back. A lost connection or a busy gateway repeats the same octets with growing
 * pauses (DC-12); the server answers a repeat as it answered before.
 */

import { CodedError } from '../../schemas/errors.ts'
import { parseRetryAfter } from '../../schemas/http/advice.ts'
import { MAX_MESSAGE_BYTES } from '../../schemas/limits.ts'
import { STATUS } from '../../schemas/syncml/codes.ts'
import { contentTypeOf, encodingOf } from '../../schemas/syncml/contentType.ts'
import type { Message } from '../../schemas/syncml/message.ts'
import type { FetchReply } from '../ports.ts'
import { step } from '../steps.ts'
import { type MessageCodec, wbxmlCodec } from './messageCodec.ts'
import type { SessionPorts } from './sessionRequest.ts'
import type { Traffic } from './traffic.ts'

/** Pauses before each repeat, in milliseconds; after the last one the server counts as unreachable. */
export const RETRY_PAUSES_MS: readonly number[] = [500, 1000, 2000, 4000, 8000, 16_000]

const BUSY = [502, 503, 504]

/** Longest that a server which says when to come again is waited for, in all, milliseconds (DC-124). */
export const PATIENCE_MS = 15 * 60_000

/** Pauses after each answer that says "still at work", in milliseconds; an hour in all, and then it is given up. */
export const BUSY_PAUSES_MS: readonly number[] = [1000, 2000, 4000, 8000, 16_000, 32_000, ...Array(60).fill(60_000)]

/**
 * The answer to `body`, also if the server says first that it is still at work (Status 101): the same octets are then
 * sent again, which costs nothing but the way, and begins the work anew if the server was started anew (DC-51).
 *
 * @throws {CodedError} `session.busy` if the server is at work for an hour; what `exchange` throws.
 */
export async function exchangeWaiting(
  ports: SessionPorts,
  url: string,
  body: Uint8Array,
  traffic: Traffic,
  codec: MessageCodec = wbxmlCodec,
): Promise<Message> {
  for (const pauseMs of BUSY_PAUSES_MS) {
    const reply = await exchange(ports, url, body, traffic, codec)
    const status = reply.commands.find((c) => c.name === 'Status' && c.cmd === 'SyncHdr')
    if (status?.name !== 'Status' || status.data !== STATUS.inProgress) return reply
    ports.log.debug('the server is still at work', { pauseMs })
    await ports.clock.sleep(pauseMs)
  }
  throw new CodedError('session.busy', 'the server is still at work on what was sent', { next: 'Try again later.' })
}

/**
 * Posts `body` until an answer arrives.
 *
 * @throws {CodedError} `network.unreachable` when every try failed, `protocol.malformed` for an answer that is none,
 * `protocol.too-large` if either message is too large for the other side.
 */
export async function exchange(
  ports: SessionPorts,
  url: string,
  body: Uint8Array,
  traffic: Traffic,
  codec: MessageCodec = wbxmlCodec,
): Promise<Message> {
  let cause: unknown
  let waitedMs = 0
  const pauses = [0, ...RETRY_PAUSES_MS]
  for (let pauseMs = pauses.shift(); pauseMs !== undefined; pauseMs = pauses.shift()) {
    if (pauseMs > 0) {
      ports.log.debug('message is sent again', { pauseMs })
      await ports.clock.sleep(pauseMs)
    }
    const reply = await post(ports, url, body, traffic, codec).catch((error: unknown) => {
      // Only what another try can cure is tried again.
      if (error instanceof CodedError && error.code !== 'network.unreachable') throw error
      cause = error
      return undefined
    })
    if (reply && !BUSY.includes(reply.status)) return readReply(codec, reply)
    if (reply?.status === 503 && reply.retryAfterS !== undefined) {
      waitedMs += await waitAsTold(ports, reply.retryAfterS, waitedMs)
      // It answered: that is no try that failed.
      pauses.unshift(0)
    } else if (reply) cause = new CodedError('network.unreachable', `the server answered HTTP ${reply.status}`)
  }
  throw new CodedError('network.unreachable', `no answer after ${RETRY_PAUSES_MS.length + 1} tries`, {
    cause,
    next: 'Try again when the server can be reached.',
  })
}

/** Waits as long as a busy server says; milliseconds. @throws {CodedError} `session.busy` if it says so for too long. */
async function waitAsTold(ports: SessionPorts, afterS: number, waitedMs: number): Promise<number> {
  const pauseMs = Math.max(1, afterS) * 1000
  if (waitedMs + pauseMs > PATIENCE_MS)
    throw new CodedError('session.busy', 'the server has too much to do', { next: 'Try again later.' })
  ports.log.info('the server has too much to do and is asked again later', { afterS })
  await ports.clock.sleep(pauseMs)
  return pauseMs
}

interface HttpAnswer {
  readonly status: number
  readonly contentType: string
  readonly retryAfterS: number | undefined
  readonly body: Uint8Array
}

async function post(
  ports: SessionPorts,
  url: string,
  body: Uint8Array,
  traffic: Traffic,
  codec: MessageCodec,
): Promise<HttpAnswer> {
  const type = contentTypeOf(codec.encoding)
  traffic.exchanges += 1
  traffic.bytesSent += body.length
  const headers = { 'content-type': type, accept: type, 'cache-control': 'no-store', 'user-agent': 'Nightferry' }
  step('send')
  const reply: FetchReply = await ports.fetch(url, { method: 'POST', headers, body })
  const received = await reply.bytes()
  step('answer')
  traffic.bytesReceived += received.length
  return {
    status: reply.status,
    contentType: reply.header('content-type') ?? '',
    retryAfterS: parseRetryAfter(reply.header('retry-after')),
    body: received,
  }
}

function readReply(codec: MessageCodec, { status, contentType, body }: HttpAnswer): Message {
  if (status === 413) throw new CodedError('protocol.too-large', 'the message is too large for the server')
  if (status !== 200) {
    // A server in trouble is not a server that breaks the protocol: a later run may succeed.
    const code = status >= 500 ? 'network.unreachable' : 'protocol.malformed'
    throw new CodedError(code, `the server answered HTTP ${status}`, { fields: { status } })
  }
  if (encodingOf(contentType) !== codec.encoding) {
    throw new CodedError('protocol.malformed', `the answer has content type ${contentType.slice(0, 80)}`)
  }
  if (body.length > MAX_MESSAGE_BYTES) throw new CodedError('protocol.too-large', `an answer of ${body.length} octets`)
  return codec.decode(body)
}

/**
 * The address for the next message: path and query of RespURI at the server we know. Another host is never followed:
 * credentials and data go where the user said.
 */
export function nextUrl(serverUrl: string, respUri: string): string {
  const origin = /^https?:\/\/[^/?#]+/i.exec(serverUrl)?.[0]
  if (origin === undefined) throw new CodedError('config.invalid', 'the server address is no http or https address')
  const path = respUri.replace(/^https?:\/\/[^/?#]*/i, '').replace(/#.*$/, '')
  if (/[\s\\]/.test(path)) throw new CodedError('protocol.malformed', 'the RespURI of the server is no address')
  return origin + (path.startsWith('/') ? path : `/${path}`)
}
