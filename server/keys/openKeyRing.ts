/**
 * Opens the keys of a data directory: master key file first, then the key ring that checks it. A new master key is
 * made only for a directory that holds nothing yet; for one that does, a missing key file is an error, not a new key.
 */

import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openFileKeyRing } from './fileKeyRing.ts'
import type { KeyRing } from './keyRing.ts'
import { openMasterKey } from './masterKey.ts'

export interface OpenedKeys {
  readonly keyRing: KeyRing
  readonly masterKeyPath: string
  /** True once, when this start made the key: the operator must be told to keep a copy elsewhere. */
  readonly created: boolean
}

/**
 * Opens or, on first start, makes master key and key ring.
 *
 * @throws {CodedError} `key.wrong`, `config.invalid`, `storage.corrupt`; nothing was changed then.
 */
export function openKeyRing(options: { readonly dataDir: string; readonly masterKeyFile?: string }): OpenedKeys {
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 })
  const masterKeyPath = options.masterKeyFile ?? join(options.dataDir, 'master.key')
  const fresh = !existsSync(join(options.dataDir, 'keyring.json'))
  const { key, created } = openMasterKey(masterKeyPath, { create: fresh })
  return { keyRing: openFileKeyRing(options.dataDir, key), masterKeyPath, created }
}
