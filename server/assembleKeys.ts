/** Opens the keys of a server, and builds the care of them over all that needs keys. Part of `assemble.ts`. */

import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { KeyStatus } from '../schemas/http/keys.ts'
import { serverPasswordContext } from './account/serverPasswords.ts'
import { contentKeyContext, copyKeyContext } from './backup/copyKey.ts'
import type { Reencryption } from './backup/reencryption.ts'
import { catalogueKeyUses } from './catalogue/sqlite/keyUses.ts'
import type { CatalogueDb } from './catalogue/sqlite/openCatalogue.ts'
import { fileKeyUse } from './catalogue/sqlite/openSqliteFile.ts'
import type { OpenedServer } from './cli/openedServer.ts'
import type { Config } from './config/config.ts'
import type { Secrets } from './config/secrets.ts'
import { createKeyCare, type KeyCare } from './keys/keyCare.ts'
import { type KeyRing, wrappedWith } from './keys/keyRing.ts'
import { countIds, type KeyUse } from './keys/keyUse.ts'
import { type KeysOfServer, openKeys } from './keys/openKeyRing.ts'
import { kitProofs } from './keys/recoveryKit.ts'
import type { Logger } from './logger.ts'
import { SEGMENT_MAP_KEY, SEGMENT_MAP_KEY_CONTEXT } from './restore/signSegmentMap.ts'
import { type FolderLock, joinFolder } from './sql/folderLock.ts'
import { openFileStorage } from './storage/fileStorage.ts'
import { parseSpoolName } from './storage/spoolNames.ts'
import type { Storage } from './storage/storage.ts'

/** The least time an older key is kept for work that was under way when the master key changed, milliseconds. */
const LEAST_WORK_MS = 3_600_000

/** Keys of a data folder that this process has joined. */
export interface JoinedKeys extends KeysOfServer {
  readonly lock: FolderLock
}

/** Opens the keys. @throws {CodedError} `key.wrong`, `config.invalid`, `storage.*`; `session.busy` while they change. */
export async function joinKeys(config: Config, secrets: Secrets): Promise<JoinedKeys> {
  const given = {
    ...(config.masterKeyFile !== undefined && { file: config.masterKeyFile }),
    ...(config.masterKeyCommand !== undefined && { command: config.masterKeyCommand }),
    ...(secrets.masterKey !== undefined && { environment: secrets.masterKey }),
  }
  const { created } = await openKeys(config.data, given)
  const lock = joinFolder(join(config.data, 'keyring.lock'))
  try {
    // Once more: before this process had joined, another one might have changed the key.
    return { ...(await openKeys(config.data, given)), created, lock }
  } catch (cause) {
    lock.close()
    throw cause
  }
}

/** What a start says of the keys. */
export function describeKeys({ keyRing, source, created }: JoinedKeys): OpenedServer['keys'] {
  return { currentKeyId: keyRing.currentKeyId, created, ...(source.kind === 'file' && { masterKeyFile: source.path }) }
}

export interface KeyCareAssemblyParts {
  readonly config: Config
  readonly secrets: Secrets
  readonly keys: JoinedKeys
  readonly catalogue: CatalogueDb
  /** What the account service keeps, if it runs here. */
  readonly accountUses: readonly KeyUse[]
  readonly reencryption: Reencryption
  readonly log: Logger
  clock(): number
}

export interface KeyCareAssembly extends KeyCare {
  /** For whoever asks a running server: others are at work. */
  rotateRunning(): Promise<KeyStatus>
  /** Begins to encrypt copies anew, without pauses. */
  hurry(): Promise<KeyStatus>
  /** What `tend` does, and the log says so. */
  tendLogged(quiet: boolean): Promise<void>
}

/** The care of the master key of a whole server. */
export function assembleKeyCare(parts: KeyCareAssemblyParts): KeyCareAssembly {
  const care = createCare(parts)
  return {
    ...care,
    rotateRunning: async () => {
      const status = await care.rotate(false)
      parts.log.info('master key changed', { keyId: status.currentKeyId })
      parts.reencryption.tend()
      return status
    },
    hurry: () => {
      parts.reencryption.hurry()
      return care.status()
    },
    tendLogged: async (quiet) => {
      const keyIds = await care.tend(quiet)
      if (keyIds.length > 0) parts.log.info('older master keys forgotten', { keyIds: keyIds.join(' ') })
    },
  }
}

function createCare(parts: KeyCareAssemblyParts): KeyCare {
  const { config, secrets, keys, catalogue, accountUses, clock } = parts
  const { keyRing, source, lock } = keys
  const folder = (name: string): string => join(config.data, name)
  const contexts = { copy: copyKeyContext, content: contentKeyContext, serverPassword: serverPasswordContext }
  return createKeyCare({
    keyRing,
    source,
    newKey: {
      ...(config.newMasterKeyFile !== undefined && { file: config.newMasterKeyFile }),
      ...(config.newMasterKeyCommand !== undefined && { command: config.newMasterKeyCommand }),
      ...(secrets.newMasterKey !== undefined && { environment: secrets.newMasterKey }),
    },
    uses: [
      fileKeyUse('catalogue', folder('catalogue.sqlite'), keyRing),
      ...accountUses,
      ...catalogueKeyUses(catalogue, keyRing, contexts),
      segmentMapUse(openFileStorage(folder('storage')), keyRing),
      { what: 'arriving objects', count: () => countSpool(folder('spool'), keyRing) },
      { what: 'traced messages', count: () => countSealed(openFileStorage(folder('traces')), keyRing) },
    ],
    kit: kitProofs(config.data),
    reencryption: parts.reencryption,
    alone: (work) => lock.alone(work),
    workMs: Math.max(LEAST_WORK_MS, 2 * config.workerTimeoutMs),
    now: clock,
  })
}

function segmentMapUse(storage: Storage, keyRing: KeyRing): KeyUse {
  const read = async (): Promise<string | undefined> => {
    const held = await storage.get(SEGMENT_MAP_KEY)
    return held && Buffer.from(held).toString('utf8')
  }
  return {
    what: 'segment map key',
    count: async () => {
      const wrapped = await read()
      return countIds(wrapped === undefined ? [] : [wrappedWith(wrapped)], keyRing)
    },
    rewrap: async () => {
      const wrapped = await read()
      if (wrapped === undefined || wrappedWith(wrapped) === keyRing.currentKeyId) return
      const anew = keyRing.wrap(keyRing.unwrap(wrapped, SEGMENT_MAP_KEY_CONTEXT), SEGMENT_MAP_KEY_CONTEXT)
      await storage.put(SEGMENT_MAP_KEY, Buffer.from(anew, 'utf8'))
    },
  }
}

async function countSpool(folder: string, keyRing: KeyRing): Promise<ReadonlyMap<string, number>> {
  // A service of accounts alone has none.
  const names = existsSync(folder) ? await readdir(folder) : []
  const named = names.flatMap((name) => parseSpoolName(name) ?? [])
  return countIds(
    named.map(({ keyId }) => keyId),
    keyRing,
  )
}

async function countSealed(storage: Storage, keyRing: KeyRing): Promise<ReadonlyMap<string, number>> {
  const ids: (string | undefined)[] = []
  for await (const name of storage.list('')) {
    const head = await storage.get(name, { start: 0, end: 16 })
    if (head !== undefined) ids.push(keyRing.sealedWith(head))
  }
  return countIds(ids, keyRing)
}
