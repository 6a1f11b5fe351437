/**
 * The jobs of a restore that run in a child process: the image, its segments, and what becomes of the copy when
 * the client has confirmed (RS-1, RS-3, RS-4, RS-7). Input and output are JSON; keys are hex and never written down.
 */

import { stat } from 'node:fs/promises'
import { CodedError } from '../../schemas/errors.ts'
import type { SegmentCompression } from '../../schemas/restore/segmentMap.ts'
import type { CopyPlace } from '../backup/copyKey.ts'
import { type CopyMeta, type CopyPosition, readPosition, replacePosition } from '../backup/copyLayout.ts'
import { encryptFile, markJournalMode } from '../backup/encryptFile.ts'
import { type ImportInput, type ImportResult, importFile } from '../backup/importFile.ts'
import { BATCH_BYTES, pagePassphrase } from '../backup/pageCipher.ts'
import { pastBytes } from '../backup/pastLayout.ts'
import { openPlainReader, type PlainReader } from '../backup/plainReader.ts'
import { openDatabase } from '../sql/betterSqlite.ts'
import { removeSqliteFile } from '../sql/removeSqliteFile.ts'
import { step } from '../steps.ts'
import type { Storage } from '../storage/storage.ts'
import { rewindInto } from '../timeMachine/pastJobs.ts'
import { buildImageFile, buildImageInMemory } from './buildImageFile.ts'
import { type CutImage, cutSegments } from './cutSegments.ts'
import { removeSegments, segmentKey } from './imageStorage.ts'
import { readImage, type StoredImage } from './readImage.ts'

/** Copies up to this size become images in memory, which takes it twice: no page is encrypted and decrypted again. */
const MAX_MEMORY_BYTES = 50 * 1024 * 1024
/** Larger copies by this factor are not looked into: that would take longer than it saves. */
const MOST_WITH_PAST = 4

type Progress = (step: string, done: number) => void

/** A copy at rest, of either kind (BK-6). */
export interface CopySource extends CopyPlace {
  readonly kind: 'sql' | 'file'
}

/** Where the page-encrypted image file comes to lie, and its key. */
export interface ImagePlace {
  readonly imagePath: string
  readonly imageKey: string
}

/** What is made of a copy. */
export interface ImageOrder {
  readonly imageId: string
  /** Hex. */
  readonly contentKey: string
  readonly compression: SegmentCompression
  /** Of a small image, about so many at least: ranges are smaller then. */
  readonly leastSegments?: number
  /** The state it remembers that is wanted, by its token; else the newest. */
  readonly pastToken?: string
}

export interface ImageFileResult {
  /** Octets of the plain file. */
  readonly sizeBytes: number
  /** Where the copy stood in the read transaction; a copy of kind `file` does not know it. */
  readonly position?: CopyPosition
}

/** A cut image, and where the copy stood that it was made of. */
export type BuiltImage = CutImage & Pick<ImageFileResult, 'position'>

/**
 * Builds the image file alone: enough for Alert 205 (RS-9). After a throw nothing is left.
 * @throws {CodedError} `key.wrong`, `storage.corrupt`, `storage.full`, `storage.unavailable`.
 */
export async function buildPlainImage(
  input: CopySource & ImagePlace,
  onProgress: Progress = () => {},
): Promise<ImageFileResult> {
  try {
    const passphrase = pagePassphrase(Buffer.from(input.imageKey, 'hex'))
    const position =
      input.kind === 'sql'
        ? await buildFromTables(input, passphrase, onProgress)
        : await buildFromFile(input, passphrase, onProgress)
    return { sizeBytes: (await stat(input.imagePath)).size, ...(position && { position }) }
  } catch (cause) {
    await removeSqliteFile(input.imagePath)
    throw cause
  }
}

async function buildFromTables(
  input: CopySource & ImagePlace,
  passphrase: string,
  onProgress: Progress,
): Promise<CopyPosition> {
  const copyKey = Buffer.from(input.copyKey, 'hex')
  const { copyPath, imagePath } = input
  const meta = buildImageFile({ copyPath, copyKey, imagePath, passphrase }, tellBuild(onProgress))
  if (meta.journalMode === 'wal') await markJournalMode(imagePath, passphrase, 'wal')
  return positionOf(meta)
}

async function buildFromFile(
  input: CopySource & ImagePlace,
  passphrase: string,
  onProgress: Progress,
): Promise<undefined> {
  const reader = await openPlainReader(input.copyPath, pagePassphrase(Buffer.from(input.copyKey, 'hex')))
  try {
    const report = (done: number): void => onProgress('build', done)
    const facts = await encryptFile(reader.stream(), input.imagePath, passphrase, report)
    if (facts.journalMode === 'wal') await markJournalMode(input.imagePath, passphrase, 'wal')
  } finally {
    await reader.close()
  }
}

/**
 * Builds an image and stores its sealed segments. A small one is built in memory; the file of a larger one is gone when
 * it resolves. After a throw nothing is left.
 * @throws {CodedError} as {@link buildPlainImage}.
 */
export async function buildImage(
  input: CopySource & ImagePlace & ImageOrder,
  storage: Storage,
  onProgress: Progress = () => {},
): Promise<BuiltImage> {
  const { pastToken } = input
  if (pastToken === undefined) return cutImage(input, storage, onProgress)
  const scratch = `${input.imagePath}.past`
  await rewindInto(input, pastToken, scratch)
  try {
    return await cutImage({ ...input, copyPath: scratch }, storage, onProgress)
  } finally {
    await removeSqliteFile(scratch)
  }
}

async function cutImage(
  input: CopySource & ImagePlace & ImageOrder,
  storage: Storage,
  onProgress: Progress,
): Promise<BuiltImage> {
  const { imageId, compression } = input
  const contentKey = Buffer.from(input.contentKey, 'hex')
  try {
    const { plain, position } = await openPlainImage(input, onProgress)
    try {
      step('image-built')
      const { leastSegments } = input
      const image = { plain, imageId, contentKey, compression, ...(leastSegments !== undefined && { leastSegments }) }
      const cut = await cutSegments(image, async (segment, sealed) => {
        // A power cut may take it: the device then asks for another image (RS-4).
        await storage.put(segmentKey(imageId, segment), sealed, { durable: false })
        step('segment-stored')
        onProgress('segments', segment + 1)
      })
      return { ...cut, ...(position && { position }) }
    } finally {
      await plain.close()
    }
  } catch (cause) {
    await removeSegments(imageId, storage)
    throw cause
  } finally {
    await removeSqliteFile(input.imagePath)
  }
}

async function openPlainImage(
  input: CopySource & ImagePlace,
  onProgress: Progress,
): Promise<{ plain: PlainReader; position?: CopyPosition }> {
  if (input.kind === 'sql' && (await fitsMemory(input))) {
    const copyKey = Buffer.from(input.copyKey, 'hex')
    const { meta, octets } = buildImageInMemory({ copyPath: input.copyPath, copyKey }, tellBuild(onProgress))
    return { plain: bufferReader(octets), position: positionOf(meta) }
  }
  const { position } = await buildPlainImage(input, onProgress)
  return { plain: await openImageForReading(input), ...(position && { position }) }
}

/** Older states and free pages are in no image; where they cannot decide it they are not counted. */
async function fitsMemory({ copyPath, copyKey }: CopySource): Promise<boolean> {
  const bytes = await copyBytes(copyPath)
  if (bytes <= MAX_MEMORY_BYTES || bytes > MOST_WITH_PAST * MAX_MEMORY_BYTES) return bytes <= MAX_MEMORY_BYTES
  const copy = openDatabase(copyPath, { cipher: { kind: 'aegis', key: Buffer.from(copyKey, 'hex') } })
  try {
    const freeBytes = Number(copy.pragma('freelist_count')) * Number(copy.pragma('page_size'))
    return bytes - freeBytes - pastBytes(copy) <= MAX_MEMORY_BYTES
  } finally {
    copy.close()
  }
}

async function copyBytes(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (cause) {
    throw new CodedError('storage.unavailable', 'the copy cannot be read', { cause, fields: { path } })
  }
}

function tellBuild(onProgress: Progress): (rows: number) => void {
  return (rows) => {
    step('image-build')
    onProgress('build', rows)
  }
}

function positionOf({ lineage, number, token }: CopyMeta): CopyPosition {
  return { lineage, number, token }
}

/** Octets that nobody else uses, as a file to read from; what is read stays valid until it is closed. */
function bufferReader(octets: Buffer): PlainReader {
  return {
    sizeBytes: octets.length,
    read: async (offset, length) => octets.subarray(offset, offset + length),
    stream: async function* () {
      for (let from = 0; from < octets.length; from += BATCH_BYTES) yield octets.subarray(from, from + BATCH_BYTES)
    },
    close: async () => {
      // Given back at once: left to the collector, it would still be there when the next image is built.
      if (octets.buffer instanceof ArrayBuffer) octets.buffer.transfer(0)
    },
  }
}

/** Removes an image file and segments that were made of it. No error if there is nothing. */
export async function removeImage(imageId: string, imagePath: string, storage: Storage): Promise<void> {
  await removeSqliteFile(imagePath)
  await removeSqliteFile(`${imagePath}.past`)
  await removeSegments(imageId, storage)
}

/** The plain octets of an image file, by offset (RS-9). @throws {CodedError} `restore.unknown` if it is gone. */
export function openImageForReading(place: ImagePlace): Promise<PlainReader> {
  return openPlainReader(place.imagePath, pagePassphrase(Buffer.from(place.imageKey, 'hex')))
}

/** Makes a new copy out of a stored image: equal to what the device received, whatever the source copy did since (RS-7). */
export function importImage(
  input: ImportInput & StoredImage,
  storage: Storage,
  onProgress: Progress = () => {},
): Promise<ImportResult> {
  return importFile(input, readImage(input, storage), onProgress)
}

/**
 * Begins the restored life in the copy itself, if it still stands where the image was made. Positions are told apart
 * by their tokens; a restored life keeps number and token and changes the lineage.
 * @returns false if the copy went on meanwhile; nothing was changed then.
 */
export function adoptPosition(
  input: CopyPlace & {
    readonly position: CopyPosition
  },
): Promise<boolean> {
  const key = Buffer.from(input.copyKey, 'hex')
  const copy = openDatabase(input.copyPath, { cipher: { kind: 'aegis', key } })
  try {
    copy.pragma('synchronous=FULL')
    const adopted = copy.transaction(() => {
      const held = readPosition(copy)
      // A repeat whose first answer was lost; the device may even have sent Deltas since.
      if (held.lineage === input.position.lineage) return true
      if (held.number !== input.position.number || held.token !== input.position.token) return false
      replacePosition(copy, input.position)
      step('adopt-position')
      return true
    })
    step('adopted-position')
    return Promise.resolve(adopted)
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'SQLITE_BUSY')
      throw new CodedError('session.busy', 'the copy is being written', { cause })
    throw cause
  } finally {
    copy.close()
  }
}
