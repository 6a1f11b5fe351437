/**
 * Turns received octets into the octets of a plain file: what looks like gzip or Zstandard is inflated, anything else passes.
 */

import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createGunzip, createZstdDecompress } from 'node:zlib'
import { CodedError } from '../../schemas/errors.ts'

/** Octets that come out at once. */
const CHUNK_BYTES = 512 * 1024
/** A frame may ask for as much memory to look back at as 2 to this power; whole files of our devices ask for 2 MiB. */
const MAX_WINDOW_LOG = 23

/**
 * @throws {CodedError} `protocol.too-large` when more than `maxBytes` come out, `database.invalid` if the stream is
 *   damaged or cut off. Errors of the source pass as they are.
 */
export async function* openSource(source: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  const pieces = source[Symbol.asyncIterator]()
  const first = await readFirst(pieces)
  const all = rejoin(first, pieces)
  let sizeBytes = 0
  const inflater = chooseInflater(first)
  for await (const piece of inflater ? inflate(all, inflater) : all) {
    sizeBytes += piece.length
    if (sizeBytes > maxBytes) throw new CodedError('protocol.too-large', `the database exceeds ${maxBytes} octets`)
    yield piece
  }
}

type Inflater = ReturnType<typeof createGunzip> | ReturnType<typeof createZstdDecompress>

/** By the first octets: no SQLite file begins like these. */
function chooseInflater(bytes: Uint8Array): Inflater | undefined {
  const starts = (...magic: number[]): boolean => magic.every((octet, i) => bytes[i] === octet)
  if (starts(0x1f, 0x8b)) return createGunzip({ chunkSize: CHUNK_BYTES })
  if (!starts(0x28, 0xb5, 0x2f, 0xfd)) return undefined
  return createZstdDecompress({ chunkSize: CHUNK_BYTES, params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG } })
}

/** At least four octets, if there are that many. */
async function readFirst(pieces: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let held: Uint8Array = new Uint8Array(0)
  while (held.length < 4) {
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

async function* inflate(source: AsyncIterable<Uint8Array>, inflater: Inflater): AsyncGenerator<Uint8Array> {
  // An error of the source ends the inflater with the same error, so it is met once: in the loop below.
  const feeding = pipeline(Readable.from(source), inflater).catch(() => {})
  try {
    for await (const piece of inflater) yield piece
  } catch (cause) {
    const code = (cause as { code?: unknown }).code
    if (typeof code === 'string' && /^(Z|ZSTD)_/.test(code))
      throw new CodedError('database.invalid', `the compressed octets are damaged: ${code}`, { cause })
    throw cause
  } finally {
    inflater.destroy()
    await feeding
  }
}
