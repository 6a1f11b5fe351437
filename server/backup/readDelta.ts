/**
 * Received octets as the events of a Delta: inflated and read as they come, or at once where that is little. Limits hold
 * whatever the octets claim.
 */

import { createGunzip, gunzipSync } from 'node:zlib'
import type { DeltaEvent } from '../../schemas/delta/delta.ts'
import { DeltaReader } from '../../schemas/delta/deltaReader.ts'
import { readWholeDelta } from '../../schemas/delta/readWholeDelta.ts'
import { CodedError } from '../../schemas/errors.ts'
import { MAX_DATABASE_BYTES } from '../../schemas/limits.ts'
import { step } from '../steps.ts'
import { readSpoolFile } from '../storage/fileSpool.ts'
import type { ContentSource } from './jobs.ts'

/** Plain octets of a Delta at the most: what inflates further is a bomb, not a night. */
const MAX_DELTA_BYTES = MAX_DATABASE_BYTES

/** What is read at once at most, compressed and plain octets. */
const SMALL_GZIP_BYTES = 64 * 1024
const SMALL_PLAIN_BYTES = 1024 * 1024

/**
 * The events of a Delta that is small enough to be held in memory, else undefined: then `readDelta` streams it.
 * @throws {CodedError} `delta.invalid`, `protocol.too-large`, `protocol.unsupported-version`.
 */
export function readSmallDelta(content: ContentSource): readonly DeltaEvent[] | undefined {
  const plain = inflateSmall(content)
  if (plain === undefined) return undefined
  step('inflate')
  return readWholeDelta(plain)
}

/** Inflates and reads a Delta as it comes. @throws {CodedError} as `readSmallDelta`. */
export async function* readDelta(content: ContentSource): AsyncGenerator<DeltaEvent[]> {
  const reader = new DeltaReader()
  let plainBytes = 0
  try {
    for await (const chunk of inflate(content)) {
      plainBytes += chunk.length
      if (plainBytes > MAX_DELTA_BYTES)
        throw new CodedError('protocol.too-large', 'the Delta inflates beyond the limit')
      step('inflate')
      yield reader.push(chunk)
    }
  } catch (cause) {
    throw isZlibError(cause) ? notGzip(cause) : cause
  }
  yield reader.close()
}

/** Received octets in pieces, wherever they lie. */
export function readContent(content: ContentSource): AsyncIterable<Uint8Array> {
  return content.kind === 'spool' ? readSpoolFile(content.path, content.key) : once(content.bytes)
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function* inflate(content: ContentSource): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip()
  const pump = feed(gunzip, readContent(content))
  yield* gunzip as AsyncIterable<Uint8Array>
  await pump
}

/** A usual night at once: a stream and its turns of the thread pool would cost more than the rows. */
function inflateSmall(content: ContentSource): Uint8Array | undefined {
  if (content.kind !== 'inline' || content.bytes.length > SMALL_GZIP_BYTES) return undefined
  try {
    return gunzipSync(content.bytes, { maxOutputLength: SMALL_PLAIN_BYTES })
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') return undefined
    throw isZlibError(cause) ? notGzip(cause) : cause
  }
}

function isZlibError(cause: unknown): boolean {
  return String((cause as { code?: unknown }).code).startsWith('Z_')
}

function notGzip(cause: unknown): CodedError {
  return new CodedError('delta.invalid', 'the Delta is not gzip', { cause })
}

async function feed(gunzip: ReturnType<typeof createGunzip>, source: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const bytes of source) {
      if (!gunzip.write(bytes)) await new Promise((resolve) => gunzip.once('drain', resolve))
    }
    gunzip.end()
  } catch (cause) {
    gunzip.destroy(cause instanceof Error ? cause : new Error('reading failed', { cause }))
  }
}
