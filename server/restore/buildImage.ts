/**
 * The jobs of a restore that run in a child process: the image file, its segments, and what becomes of the copy when
 * the client has confirmed (RS-1, RS-3, RS-4, RS-7). Input and output are JSON; keys are hex and never written down.
 */

import { rm, stat } from 'node:fs/promises'
import { CodedError } from '../../schemas/errors.ts'
import { type CopyPosition, readPosition, replacePosition } from '../backup/copyLayout.ts'
import { encryptFile, markJournalMode } from '../backup/encryptFile.ts'
import { type ImportInput, type ImportResult, importFile } from '../backup/importFile.ts'
import { pagePassphrase } from '../backup/pageCipher.ts'
import { openPlainReader, type PlainReader } from '../backup/plainReader.ts'
import { openDatabase } from '../sql/betterSqlite.ts'
import { step } from '../steps.ts'
import type { Storage } from '../storage/storage.ts'
import { buildImageFile } from './buildImageFile.ts'
import { type CutImage, cutSegments } from './cutSegments.ts'

/** A copy at rest, of either kind (BK-6). */
export interface CopySource {
  readonly kind: 'sql' | 'file'
  readonly copyPath: string
  readonly copyKey: string
}

/** Where the page-encrypted image file comes to lie, and its key. */
export interface ImagePlace {
  readonly imagePath: string
  readonly imageKey: string
}

export interface ImageFileResult {
  /** Octets of the plain file. */
  readonly sizeBytes: number
  /** Where the copy stood in the read transaction; a copy of kind `file` does not know it. */
  readonly position?: CopyPosition
}

/** Where the segments of an image are stored. */
export function segmentKey(imageId: string, segment: number): string {
  return `${segmentPrefix(imageId)}${segment}`
}

/** What the keys of all segments of an image begin with. */
export function segmentPrefix(imageId: string): string {
  return `images/${imageId}/`
}

/**
 * Builds the image file alone: enough for Alert 205 (RS-9). After a throw nothing is left.
 * @throws {CodedError} `key.wrong`, `storage.corrupt`, `storage.full`, `storage.unavailable`.
 */
export async function buildPlainImage(
  input: CopySource & ImagePlace,
  onProgress: (step: string, done: number) => void = () => {},
): Promise<ImageFileResult> {
  try {
    const passphrase = pagePassphrase(Buffer.from(input.imageKey, 'hex'))
    const position =
      input.kind === 'sql'
        ? await buildFromTables(input, passphrase, onProgress)
        : await buildFromFile(input, passphrase, onProgress)
    return { sizeBytes: (await stat(input.imagePath)).size, ...(position && { position }) }
  } catch (cause) {
    await removeImageFile(input.imagePath)
    throw cause
  }
}

type Progress = (step: string, done: number) => void

async function buildFromTables(
  input: CopySource & ImagePlace,
  passphrase: string,
  onProgress: Progress,
): Promise<CopyPosition> {
  const copyKey = Buffer.from(input.copyKey, 'hex')
  const { copyPath, imagePath } = input
  const meta = buildImageFile({ copyPath, copyKey, imagePath, passphrase }, (rows) => {
    step('image-build')
    onProgress('build', rows)
  })
  if (meta.journalMode === 'wal') await markJournalMode(imagePath, passphrase, 'wal')
  return { lineage: meta.lineage, number: meta.number, token: meta.token }
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
 * Builds the image file and stores its sealed segments. After a throw nothing of either is left.
 * @throws {CodedError} as {@link buildPlainImage}.
 */
export async function buildImage(
  input: CopySource & ImagePlace & { readonly imageId: string; readonly contentKey: string },
  storage: Storage,
  onProgress: (step: string, done: number) => void = () => {},
): Promise<ImageFileResult & CutImage> {
  const built = await buildPlainImage(input, onProgress)
  try {
    step('image-built')
    const reader = await openImageForReading(input)
    try {
      const contentKey = Buffer.from(input.contentKey, 'hex')
      const cut = await cutSegments(reader.stream(), input.imageId, contentKey, async (segment, sealed) => {
        await storage.put(segmentKey(input.imageId, segment), sealed)
        step('segment-stored')
        onProgress('segments', segment + 1)
      })
      return { ...built, ...cut }
    } finally {
      await reader.close()
    }
  } catch (cause) {
    await removeImage(input.imageId, input.imagePath, storage)
    throw cause
  }
}

/** Removes an image file and its segments. No error if there is nothing. */
export async function removeImage(imageId: string, imagePath: string, storage: Storage): Promise<void> {
  await removeImageFile(imagePath)
  for await (const key of storage.list(segmentPrefix(imageId))) await storage.delete(key)
}

async function removeImageFile(imagePath: string): Promise<void> {
  for (const suffix of ['', '-journal', '-wal', '-shm']) await rm(imagePath + suffix, { force: true })
}

/** The plain octets of an image file, by offset (RS-9). @throws {CodedError} `restore.unknown` if it is gone. */
export function openImageForReading(place: ImagePlace): Promise<PlainReader> {
  return openPlainReader(place.imagePath, pagePassphrase(Buffer.from(place.imageKey, 'hex')))
}

/** Makes a new copy out of an image: equal to what the device received, whatever the source copy did since (RS-7). */
export async function importImage(
  input: ImportInput & ImagePlace,
  onProgress: (step: string, done: number) => void = () => {},
): Promise<ImportResult> {
  const reader = await openImageForReading(input)
  try {
    return await importFile(input, reader.stream(), onProgress)
  } finally {
    await reader.close()
  }
}

/**
 * Begins the restored life in the copy itself, if it still stands where the image was made. Positions are told apart
 * by their tokens; a restored life keeps number and token and changes the lineage.
 * @returns false if the copy went on meanwhile; nothing was changed then.
 */
export function adoptPosition(input: {
  readonly copyPath: string
  readonly copyKey: string
  readonly position: CopyPosition
}): Promise<boolean> {
  const key = Buffer.from(input.copyKey, 'hex')
  const copy = openDatabase(input.copyPath, { cipher: { kind: 'sqlcipher', key } })
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
