/**
 * Opens the keys of a data directory: master key first, then the key ring that checks it. A new master key file is made
 * only for a directory that holds nothing yet; for one that does, a missing key file is an error, not a new key.
 */

import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type FileKeyRing, openFileKeyRing } from './fileKeyRing.ts'
import { keyIdOf } from './generation.ts'
import { readKeyring } from './keyringFile.ts'
import { type GivenKeySources, type KeySource, MASTER_KEY_NAMES, readGivenKey } from './keySource.ts'
import { findPreparedKey, openMasterKey, placeMasterKey } from './masterKey.ts'

export interface OpenedKeys {
  readonly keyRing: FileKeyRing
  readonly masterKeyPath: string
  /** True once, when this start made the key: the operator must be told to keep a copy elsewhere. */
  readonly created: boolean
}

/** Keys from any source. */
export interface KeysOfServer {
  readonly keyRing: FileKeyRing
  readonly source: KeySource
  readonly created: boolean
}

/**
 * Opens or, on first start, makes master key file and key ring.
 *
 * @throws {CodedError} `key.wrong`, `config.invalid`, `storage.corrupt`; nothing was changed then.
 */
export function openKeyRing(options: { readonly dataDir: string; readonly masterKeyFile?: string }): OpenedKeys {
  makeFolder(options.dataDir)
  const masterKeyPath = options.masterKeyFile ?? join(options.dataDir, 'master.key')
  const kept = readKeyring(options.dataDir)
  const { key, created } = openMasterKey(masterKeyPath, { create: kept === undefined })
  // A rotation that was cut off between its last two steps: the folder has the new key, the file's name not yet.
  const isBehind = kept !== undefined && keyIdOf(key) !== kept.keyId
  const prepared = isBehind ? findPreparedKey(masterKeyPath, kept.keyId) : undefined
  if (prepared !== undefined) placeMasterKey(masterKeyPath)
  return { keyRing: openFileKeyRing(options.dataDir, prepared ?? key), masterKeyPath, created }
}

/**
 * The same from whatever source is given; from the environment or a command, no file is made or read.
 * @throws {CodedError} as `openKeyRing`, `readGivenKey`.
 */
export async function openKeys(dataDir: string, given: GivenKeySources): Promise<KeysOfServer> {
  const other = await readGivenKey(given, MASTER_KEY_NAMES)
  if (other === undefined) {
    const options = { dataDir, ...(given.file !== undefined && { masterKeyFile: given.file }) }
    const { keyRing, masterKeyPath, created } = openKeyRing(options)
    return { keyRing, source: { kind: 'file', path: masterKeyPath }, created }
  }
  makeFolder(dataDir)
  return { keyRing: openFileKeyRing(dataDir, other.key), source: other.source, created: false }
}

function makeFolder(path: string): void {
  if (!existsSync(path)) mkdirSync(path, { recursive: true, mode: 0o700 })
}
