/**
 * Whole files for clients that know nothing but SyncML (RS-9): the image is built once a session and read by offset.
 * Its key rests wrapped with the session, so a restart of the server goes on reading.
 */

import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { placeOfCopy } from '../backup/copyKey.ts'
import type { PlainReader } from '../backup/plainReader.ts'
import type { DatabaseKey, DatabaseRow, Databases } from '../catalogue/catalogue.ts'
import type { KeyRing } from '../keys/keyRing.ts'
import { type CopySource, type ImageFileResult, type ImagePlace, openImageForReading } from './buildImage.ts'
import { readCopy } from './readCopy.ts'

export interface FileImagesParts {
  readonly keyRing: KeyRing
  readonly databases: Databases
  readonly jobs: { buildPlainImage(input: CopySource & ImagePlace, owner: DatabaseRow): Promise<ImageFileResult> }
  copyPath(copyId: string): string
  imagePath(imageId: string): string
}

/** An image as a session remembers it. */
export interface SessionImage {
  readonly imageId: string
  readonly wrappedKey: string
}

export interface FileImages {
  /** Builds the plain file of a database's copy. @throws {CodedError} `database.unknown`, and as `buildPlainImage`. */
  build(key: DatabaseKey): Promise<SessionImage & { readonly sizeBytes: number }>
  /** Octets `[offset, offset + length)`. @throws {CodedError} `restore.unknown` if the image is gone. */
  read(image: SessionImage, offset: number, length: number): Promise<Uint8Array>
  remove(imageId: string): Promise<void>
  /** Closes all files. */
  close(): Promise<void>
}

export function createFileImages(parts: FileImagesParts): FileImages {
  const readers = new Map<string, Promise<PlainReader>>()
  const context = (imageId: string): string => `session-image:${imageId}`
  const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex')
  const readerOf = (image: SessionImage): Promise<PlainReader> => {
    const known = readers.get(image.imageId)
    if (known) return known
    const imageKey = hex(parts.keyRing.unwrap(image.wrappedKey, context(image.imageId)))
    const opened = openImageForReading({ imagePath: parts.imagePath(image.imageId), imageKey })
    readers.set(image.imageId, opened)
    // A file that could not be opened is tried anew at the next read.
    opened.catch(() => readers.delete(image.imageId))
    return opened
  }
  const closeReader = async (imageId: string): Promise<void> => {
    const reader = readers.get(imageId)
    readers.delete(imageId)
    await (await reader?.catch(() => undefined))?.close()
  }
  return {
    build: async (database) => {
      const imageId = randomUUID()
      const imageKey = parts.keyRing.newKey(context(imageId))
      const imagePath = parts.imagePath(imageId)
      const { result } = await readCopy(parts.databases, database, (row) => {
        const input = {
          kind: row.kind,
          ...placeOfCopy(parts, row),
          imagePath,
          imageKey: hex(imageKey.key),
        }
        return parts.jobs.buildPlainImage(input, row).catch(async (cause: unknown) => {
          // A process that was killed at its limits could not clear away behind itself.
          await rm(imagePath, { force: true })
          throw cause
        })
      })
      return { imageId, wrappedKey: parts.keyRing.wrap(imageKey.key, context(imageId)), sizeBytes: result.sizeBytes }
    },
    read: async (image, offset, length) => (await readerOf(image)).read(offset, length),
    remove: async (imageId) => {
      await closeReader(imageId)
      await rm(parts.imagePath(imageId), { force: true })
    },
    close: async () => {
      await Promise.all([...readers.keys()].map(closeReader))
    },
  }
}
