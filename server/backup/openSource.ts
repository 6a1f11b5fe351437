/**
 * Turns received octets into the octets of a plain file: what looks like gzip is inflated, anything else passes.
 */

import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { CodedError } from '../../schemas/errors.ts'

/**
 * @throws {CodedError} `protocol.too-large` when more than `maxBytes` come out, `database.invalid` if the gzip is
 *   damaged or cut off. Errors of the source pass as they are.
 */
export async function* openSource(source: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  const pieces = source[Symbol.asyncIterator]()
  const first = await readFirst(pieces)
  const all = rejoin(first, pieces)
  let sizeBytes = 0
  for await (const piece of isGzip(first) ? inflate(all) : all) {
    sizeBytes += piece.length
    if (sizeBytes > maxBytes) throw new CodedError('protocol.too-large', `the database exceeds ${maxBytes} octets`)
    yield piece
  }
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b
}

/** At least two octets, if there are that many. */
async function readFirst(pieces: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let held: Uint8Array = new Uint8Array(0)
  while (held.length < 2) {
    const next = await pieces.next()
    if (next.done === true) break
    held = Buffer.concat([held, next.value])
  }
  return held
}

async function* rejoin(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield first
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}

async function* inflate(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip()
  // An error of the source ends the gunzip with the same error, so it is met once: in the loop below.
  const feeding = pipeline(Readable.from(source), gunzip).catch(() => {})
  try {
    for await (const piece of gunzip) yield piece
  } catch (cause) {
    const code = (cause as { code?: unknown }).code
    if (typeof code === 'string' && code.startsWith('Z_'))
      throw new CodedError('database.invalid', `the compressed octets are damaged: ${code}`, { cause })
    throw cause
  } finally {
    gunzip.destroy()
    await feeding
  }
}
