/**
 * The work on copies as jobs: plain input, plain output, no state. They run in a child process that can be killed
 * (BK-8); everything a job needs comes in its input, keys included, and nothing of that is written down.
 */

import { createGunzip, gunzipSync } from 'node:zlib'
import type { DeltaEvent } from '../../schemas/delta/delta.ts'
import { DeltaReader } from '../../schemas/delta/deltaReader.ts'
import { CodedError } from '../../schemas/errors.ts'
import { MAX_DATABASE_BYTES } from '../../schemas/limits.ts'
import { openDatabase } from '../sql/betterSqlite.ts'
import { step } from '../steps.ts'
import { readSpoolFile } from '../storage/fileSpool.ts'
import { type ApplyOutcome, applyDelta } from './applyDelta.ts'
import { type CopyPosition, readPosition } from './copyLayout.ts'
import { type ImportInput, type ImportResult, importFile } from './importFile.ts'

/** Received octets: in memory, or in the sealed spool. */
export type ContentSource =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | { readonly kind: 'spool'; readonly path: string; readonly key: Uint8Array }

export interface ApplyInput {
  readonly copyPath: string
  /** 256 bits, hex. */
  readonly copyKey: string
  readonly content: ContentSource
}

export interface ImportFileInput extends ImportInput {
  readonly content: ContentSource
}

/** Told between steps; a name and a count that grows. */
export type ReportStep = (step: string, done: number) => void

/** Plain octets of a Delta at the most: what inflates further is a bomb, not a night. */
const MAX_DELTA_BYTES = MAX_DATABASE_BYTES

/** What is inflated at once at most, compressed and plain octets. */
const SMALL_GZIP_BYTES = 64 * 1024
const SMALL_PLAIN_BYTES = 1024 * 1024

/** Applies a received Delta to a copy. @throws {CodedError} as `applyDelta`, or `key.wrong`, `storage.corrupt`. */
export async function applyDeltaJob(input: ApplyInput, onStep: ReportStep): Promise<ApplyOutcome> {
  const copy = openDatabase(input.copyPath, {
    cipher: { kind: 'sqlcipher', key: Buffer.from(input.copyKey, 'hex') },
  })
  try {
    copy.pragma('synchronous=FULL')
    copy.pragma('ignore_check_constraints=ON')
    return await applyDelta(copy, deltaEvents(input.content), (name) => {
      step(`apply-${name}`)
      onStep(name, 0)
    })
  } finally {
    copy.close()
  }
}

/** Makes a copy of a received file. @throws {CodedError} as `importFile`. */
export function importFileJob(input: ImportFileInput, onStep: ReportStep): Promise<ImportResult> {
  return importFile(input, readContent(input.content), onStep)
}

/** Where a copy stands, as it says itself. @throws {CodedError} `key.wrong`, `storage.corrupt`, `storage.unavailable`. */
export async function readPositionJob(input: { copyPath: string; copyKey: string }): Promise<CopyPosition> {
  const key = Buffer.from(input.copyKey, 'hex')
  const copy = openDatabase(input.copyPath, { cipher: { kind: 'sqlcipher', key } })
  try {
    const { lineage, number, token } = readPosition(copy)
    return { lineage, number, token }
  } finally {
    copy.close()
  }
}

function readContent(content: ContentSource): AsyncIterable<Uint8Array> {
  return content.kind === 'spool' ? readSpoolFile(content.path, content.key) : once(content.bytes)
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** Inflates and reads a Delta as it comes. */
async function* deltaEvents(content: ContentSource): AsyncGenerator<DeltaEvent[]> {
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
    if (cause instanceof CodedError) throw cause
    if (String((cause as { code?: unknown }).code).startsWith('Z_')) {
      throw new CodedError('delta.invalid', 'the Delta is not gzip', { cause })
    }
    throw cause
  }
  yield reader.close()
}

async function* inflate(content: ContentSource): AsyncGenerator<Uint8Array> {
  const whole = inflateSmall(content)
  if (whole) {
    yield whole
    return
  }
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
    throw cause
  }
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
