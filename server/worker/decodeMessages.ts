/**
 * Reads SyncML messages without holding up the others: small ones at once, those of many elements or much XML in a
 * thread, one after the other, the senders in turn. A message of 4 MiB of tags takes most of a second to read, and
 * anybody may send one. Rule OM-24.
 */

import { Worker } from 'node:worker_threads'
import { CodedError } from '../../schemas/errors.ts'
import { decodeMessage } from '../../schemas/syncml/codec.ts'
import type { Encoding, Message } from '../../schemas/syncml/message.ts'
import { showMessage } from '../../schemas/syncml/trace.ts'
import type { DecodeReply, DecodeRequest } from './decodeThread.ts'

/** Octets that are read at once, whatever they are: about 3 ms. */
const SMALL_BYTES = 16 * 1024
/** Octets of XML that may be read at once, and tags in them: text alone takes 60 ns an octet. */
const SMALL_XML_BYTES = 64 * 1024
const FEW_TAGS = 500
/** Tokens of a larger WBXML message: about 5 ms. One Item in chunks has about 60, 140 contacts have 3,300. */
const FEW_TOKENS = 8000
/** Messages that may wait for the thread; with 4 MiB each they are within the bound of bodies. */
const MOST_WAITING = 64
/** Those of one sender: others find room, and have their turn. */
const MOST_WAITING_OF_ONE = 16

export interface MessageDecoder {
  /**
   * Reads a message; `from` is whose it is.
   * @throws {CodedError} as `decodeMessage`; `session.busy` if too many wait.
   */
  decode(bytes: Uint8Array, encoding: Encoding, from?: string): Promise<Message>
  /** What may be shown of a message, as XML (WF-16). @throws as `decode`. */
  show(bytes: Uint8Array, from?: string): Promise<string>
  close(): Promise<void>
}

interface Waiting {
  readonly request: DecodeRequest
  readonly resolve: (reply: DecodeReply) => void
  readonly reject: (cause: Error) => void
}

/** A decoder with one thread, which starts with the first message that needs it. */
export function createMessageDecoder(): MessageDecoder {
  return new Decoder()
}

class Decoder implements MessageDecoder {
  /** By sender; the one whose turn is next comes first. */
  readonly #waiting = new Map<string, Waiting[]>()
  #count = 0
  #thread: Worker | undefined
  #reading: Waiting | undefined
  #lastId = 0

  async decode(bytes: Uint8Array, encoding: Encoding, from = ''): Promise<Message> {
    const small = decodeSmall(bytes, encoding)
    if (small !== undefined) return small
    const reply = await this.#ask({ bytes, wanted: encoding }, from)
    if ('message' in reply) return reply.message
    throw new CodedError('internal', 'the thread answered something else')
  }

  async show(bytes: Uint8Array, from = ''): Promise<string> {
    if (bytes.length <= SMALL_BYTES) return showMessage(bytes)
    const reply = await this.#ask({ bytes, wanted: 'text' }, from)
    if ('text' in reply) return reply.text
    throw new CodedError('internal', 'the thread answered something else')
  }

  async #ask(task: Omit<DecodeRequest, 'id'>, from: string): Promise<DecodeReply> {
    const queue = this.#waiting.get(from) ?? []
    if (this.#count >= MOST_WAITING || queue.length >= MOST_WAITING_OF_ONE)
      throw new CodedError('session.busy', 'too many large messages at once')
    this.#waiting.set(from, queue)
    this.#count += 1
    return new Promise<DecodeReply>((resolve, reject) => {
      queue.push({ request: { id: ++this.#lastId, ...task }, resolve, reject })
      this.#readNext()
    })
  }

  async close(): Promise<void> {
    await this.#thread?.terminate()
  }

  #readNext(): void {
    if (this.#reading) return
    const [turn] = this.#waiting
    if (!turn) return
    const [from, [next, ...rest]] = turn
    this.#waiting.delete(from)
    if (rest.length > 0) this.#waiting.set(from, rest)
    if (!next) return
    this.#reading = next
    this.#thread ??= this.#start()
    this.#thread.postMessage(next.request)
  }

  #settle(reply: DecodeReply): void {
    const task = this.#reading
    if (task?.request.id !== reply.id) return
    this.#reading = undefined
    this.#count -= 1
    if ('code' in reply) task.reject(new CodedError(reply.code, reply.reason))
    else task.resolve(reply)
    this.#readNext()
  }

  #start(): Worker {
    const started = new Worker(new URL('./decodeThread.ts', import.meta.url), {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    })
    started.on('message', (reply: DecodeReply) => this.#settle(reply))
    // Out of memory: the message that was being read comes again, or not.
    started.on('error', () => undefined)
    started.on('exit', () => {
      if (this.#thread === started) this.#thread = undefined
      const { request } = this.#reading ?? {}
      if (request) this.#settle({ id: request.id, code: 'session.busy', reason: 'the message could not be read' })
    })
    started.unref()
    return started
  }
}

/** The message, if reading it takes no time worth a thread: little, or few tags around much content. */
function decodeSmall(bytes: Uint8Array, encoding: Encoding): Message | undefined {
  if (bytes.length <= SMALL_BYTES) return decodeMessage(bytes, encoding)
  if (encoding === 'xml') {
    return bytes.length <= SMALL_XML_BYTES && hasFewTags(bytes) ? decodeMessage(bytes, encoding) : undefined
  }
  try {
    return decodeMessage(bytes, encoding, FEW_TOKENS)
  } catch (cause) {
    if (cause instanceof CodedError && cause.code === 'protocol.too-large') return undefined
    throw cause
  }
}

function hasFewTags(bytes: Uint8Array): boolean {
  const octets = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let tags = 0
  // An ampersand is work for the parser too.
  for (const mark of [0x3c, 0x26])
    for (let at = octets.indexOf(mark); at >= 0; at = octets.indexOf(mark, at + 1)) if (++tags > FEW_TAGS) return false
  return true
}
