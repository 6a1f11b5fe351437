/** Makes a data folder of a backup of the server (SB-5). */

import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import type { KeyRing } from '../keys/keyRing.ts'
import type { FileCopier } from '../sql/fileCopier.ts'
import { storageError } from '../storage/storageError.ts'
import { makeFolder } from './makeFolder.ts'
import { type ListedFile, MANIFEST_FILE, type Manifest, readManifest } from './manifest.ts'

/** A list of a million files; a text cannot be much longer. */
const MAX_MANIFEST_BYTES = 256 * 1024 * 1024

export interface ServerRestoreInput {
  /** The backup. */
  readonly source: string
  /** The data folder to make; it may be there if it is empty. */
  readonly dataFolder: string
  /** The key ring of the backup, opened with the master key. */
  readonly keyRing: KeyRing
  onProgress?(files: number, sizeBytes: number): void
}

export interface ServerRestoreResult {
  readonly files: number
  readonly sizeBytes: number
  readonly databases: number
  /** RFC 3339: when the backup was made. */
  readonly createdAt: string
}

/** @throws {CodedError} `config.invalid`, `storage.*`; nothing is at `dataFolder` then. */
export async function restoreServer(input: ServerRestoreInput): Promise<ServerRestoreResult> {
  const { source, dataFolder, keyRing } = input
  return makeFolder(dataFolder, async (folder, copier) => {
    const manifest = openManifest(source, keyRing)
    requireSameFiles(source, manifest)
    let sizeBytes = 0
    for (const [at, file] of manifest.files.entries()) {
      await bringBack(copier, source, folder, file)
      sizeBytes += file.sizeBytes
      input.onProgress?.(at + 1, sizeBytes)
    }
    const { databases, createdAt } = manifest
    return { files: manifest.files.length, sizeBytes, databases, createdAt }
  })
}

function openManifest(source: string, keyRing: KeyRing): Manifest {
  const path = join(source, MANIFEST_FILE)
  try {
    if (statSync(path).size > MAX_MANIFEST_BYTES) throw new CodedError('storage.corrupt', `${path} is too large`)
    return readManifest(readFileSync(path, 'utf8'), keyRing)
  } catch (cause) {
    throw storageError(cause, `${path} cannot be read`)
  }
}

/** What nobody listed was put there by somebody else. */
function requireSameFiles(source: string, { files }: Manifest): void {
  const listed = new Set(files.map(({ path }) => path))
  for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name).slice(source.length + 1)
    if (entry.isDirectory() || path === MANIFEST_FILE || listed.has(path)) continue
    throw new CodedError('storage.corrupt', `${path} does not belong to the backup`, { fields: { path } })
  }
}

async function bringBack(copier: FileCopier, source: string, folder: string, file: ListedFile): Promise<void> {
  const { path, sizeBytes, sha256 } = file
  mkdirSync(dirname(join(folder, path)), { recursive: true, mode: 0o700 })
  const copied = await copier.copy(join(source, path), join(folder, path))
  if (copied?.sizeBytes === sizeBytes && copied.sha256 === sha256) return
  throw new CodedError('storage.corrupt', `${path} ${copied ? 'was changed' : 'is missing'} in the backup`, {
    fields: { path },
    next: 'Use another backup of the server.',
  })
}
