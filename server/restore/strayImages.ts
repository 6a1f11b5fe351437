/**
 * Removes what a killed server left of images: files and segments that nothing names (RS-14). Only before anything
 * runs: an image that is being built has no name yet either.
 */

import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Storage } from '../storage/storage.ts'
import { segmentPrefix } from './imageStorage.ts'

export interface ImageFolders {
  /** Where image files lie, each named after its id and a dot. */
  readonly imageFolder: string
  readonly storage: Storage
}

/** Removes image files and segments whose image is not among `ownedIds`. @throws {CodedError} as `Storage`. */
export async function removeStrayImages(folders: ImageFolders, ownedIds: ReadonlySet<string>): Promise<void> {
  for (const file of await readdir(folders.imageFolder)) {
    if (!ownedIds.has(file.split('.')[0] ?? '')) await rm(join(folders.imageFolder, file), { force: true })
  }
  const prefix = segmentPrefix('').slice(0, -1)
  for await (const key of folders.storage.list(prefix)) {
    if (!ownedIds.has(key.slice(prefix.length).split('/')[0] ?? '')) await folders.storage.delete(key)
  }
}
