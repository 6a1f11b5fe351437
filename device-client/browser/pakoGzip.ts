/**
 * gzip by pako, for pages without `node:zlib`: streaming, with a limit on what comes out (`pako.ungzip` has none).
 */

import { Deflate, Inflate } from 'pako'
import { CodedError } from '../../schemas/errors.ts'
import type { Gzip } from '../ports.ts'

const CHUNK_BYTES = 64 * 1024

/** Fills the port `Gzip` in a browser. A damaged or cut-off stream ends as `protocol.malformed`. */
export const pakoGzip: Gzip = { compress, decompress }

async function* compress(source: AsyncIterable<Uint8Array>, level: number): AsyncIterable<Uint8Array> {
  const ready: Uint8Array[] = []
  const deflate = new Deflate({ gzip: true, level: level as -1 | 0 | 1 | 6 | 9, chunkSize: CHUNK_BYTES })
  deflate.onData = (chunk) => void ready.push(chunk)
  for await (const chunk of source) {
    deflate.push(chunk, false)
    yield* ready.splice(0)
  }
  deflate.push(new Uint8Array(), true)
  yield* ready.splice(0)
}

async function* decompress(source: AsyncIterable<Uint8Array>, maxBytes: number): AsyncIterable<Uint8Array> {
  const ready: Uint8Array[] = []
  let total = 0
  const inflate = new Inflate({ windowBits: 31, chunkSize: CHUNK_BYTES })
  inflate.onData = (chunk) => {
    total += chunk.length
    // Thrown inside push: pako does not unpack the rest of the chunk.
    if (total > maxBytes) throw tooLarge(maxBytes)
    ready.push(chunk)
  }
  for await (const chunk of source) {
    inflate.push(chunk, false)
    if (inflate.err !== 0) throw damaged(inflate.msg)
    yield* ready.splice(0)
  }
  if (!inflate.ended) throw damaged('cut off')
  yield* ready.splice(0)
}

function tooLarge(maxBytes: number): CodedError {
  return new CodedError('protocol.too-large', `more than ${maxBytes} bytes came out of gzip`, { fields: { maxBytes } })
}

function damaged(reason: string): CodedError {
  return new CodedError('protocol.malformed', `the gzip stream is damaged: ${reason}`)
}
