/**
 * Reads SyncML messages without holding up the others: small ones at once, those of many elements in a thread, one after
 * the other. A message of 4 MiB of tags takes most of a second to read, and anybody may send one. Rule OM-24.
 */

import { Worker } from 'node:worker_threads'
import { CodedError } from '../../schemas/errors.ts'
import { decodeMessage } from '../../schemas/syncml/codec.ts'
import type { Encoding, Message } from '../../schemas/syncml/message.ts'
import type { DecodeReply, DecodeRequest } from './decodeThread.ts'

/** Octets that are read at once, whatever they are: about 3 ms. */
const SMALL_BYTES = 16 * 1024
/** Tags in a larger XML message that is still read at once: one Item in chunks has about 60. */
const FEW_TAGS = 500
/** Tokens of a larger WBXML message, likewise. */
const FEW_TOKENS = 1000
/** Messages that may wait for the thread; with 4 MiB each they are within the bound of bodies. */
const MOST_WAITING = 64

export interface MessageDecoder {
  /** @throws {CodedError} as `decodeMessage`; `session.busy` if too many wait. */
  decode(bytes: Uint8Array, encoding: Encoding): Promise<Message>
  close(): Promise<void>
}

interface Waiting {
  readonly resolve: (message: Message) => void
  readonly reject: (cause: Error) => void
}

/** A decoder with one thread, which starts with the first message that needs it. */
export function createMessageDecoder(): MessageDecoder {
  const waiting = new Map<number, Waiting>()
  let thread: Worker | undefined
  let lastId = 0
  const settle = (reply: DecodeReply): void => {
    const task = waiting.get(reply.id)
    waiting.delete(reply.id)
    if ('message' in reply) task?.resolve(reply.message)
    else task?.reject(new CodedError(reply.code, reply.text))
  }
  const start = (): Worker => {
    const started = new Worker(new URL('./decodeThread.ts', import.meta.url), {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    })
    started.on('message', settle)
    // Out of memory: whose message it was is not told, so all that wait come again.
    started.on('error', () => undefined)
    started.on('exit', () => {
      if (thread === started) thread = undefined
      for (const id of [...waiting.keys()]) settle({ id, code: 'session.busy', text: 'the message could not be read' })
    })
    started.unref()
    return started
  }
  return {
    decode: async (bytes, encoding) => {
      const small = decodeSmall(bytes, encoding)
      if (small !== undefined) return small
      if (waiting.size >= MOST_WAITING) throw new CodedError('session.busy', 'too many large messages at once')
      thread ??= start()
      const request: DecodeRequest = { id: ++lastId, bytes, encoding }
      const message = new Promise<Message>((resolve, reject) => waiting.set(request.id, { resolve, reject }))
      thread.postMessage(request)
      return message
    },
    close: async () => {
      await thread?.terminate()
    },
  }
}

/** The message, if reading it takes no time worth a thread: little, or few tags around much content. */
function decodeSmall(bytes: Uint8Array, encoding: Encoding): Message | undefined {
  if (bytes.length <= SMALL_BYTES) return decodeMessage(bytes, encoding)
  if (encoding === 'xml') return hasFewTags(bytes) ? decodeMessage(bytes, encoding) : undefined
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
