/** gzip on Node: streams of `node:zlib`; the work happens outside the event loop. */

import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip, type Gunzip, type Gzip as GzipStream } from 'node:zlib'
import { CodedError } from '../../schemas/errors.ts'
import type { Gzip } from '../ports.ts'

const CHUNK_BYTES = 64 * 1024
const INFLATE_CHUNK_BYTES = 256 * 1024

/** Fills the port `Gzip` on Node. A damaged or cut-off stream ends as `protocol.malformed`. */
export const nodeGzip: Gzip = {
  compress: (source, level) => through(source, createGzip({ level, chunkSize: CHUNK_BYTES })),
  decompress,
}

async function* decompress(source: AsyncIterable<Uint8Array>, maxBytes: number): AsyncIterable<Uint8Array> {
  let total = 0
  for await (const chunk of through(source, createGunzip({ chunkSize: INFLATE_CHUNK_BYTES }))) {
    total += chunk.length
    if (total > maxBytes) {
      throw new CodedError('protocol.too-large', `more than ${maxBytes} bytes came out of gzip`, {
        fields: { maxBytes },
      })
    }
    yield chunk
  }
}

async function* through(source: AsyncIterable<Uint8Array>, stream: GzipStream | Gunzip): AsyncIterable<Uint8Array> {
  // A failure of the source destroys the stream with that error, which then reaches the loop below.
  pipeline(source, stream).catch(() => undefined)
  try {
    for await (const chunk of stream) yield chunk as Uint8Array
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    if (!code.startsWith('Z_')) throw cause
    throw new CodedError('protocol.malformed', 'the gzip stream is damaged or cut off', {
      cause,
      fields: { zlib: code },
    })
  }
}
