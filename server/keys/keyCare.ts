/**
 * The care of the master key: rotation, what needs which key, and when an older one is forgotten. Rules KY-3 to KY-7.
 */

import { CodedError } from '../../schemas/errors.ts'
import type { KeyStatus } from '../../schemas/http/keys.ts'
import { step } from '../steps.ts'
import type { FileKeyRing } from './fileKeyRing.ts'
import { type GivenKeySources, type KeySource, NEW_MASTER_KEY_NAMES, readGivenKey } from './keySource.ts'
import type { KeyUse } from './keyUse.ts'
import { openMasterKey, placeMasterKey, prepareMasterKey } from './masterKey.ts'
import type { KitProofs } from './recoveryKit.ts'

export interface KeyCareParts {
  readonly keyRing: FileKeyRing
  readonly source: KeySource
  /** Where the master key that a rotation changes to comes from; a new file in place of the old one if nothing is given. */
  readonly newKey: GivenKeySources
  readonly uses: readonly KeyUse[]
  readonly kit: KitProofs
  readonly reencryption: CopyReencryption
  /** Runs work while no other process has the data folder open. @throws {CodedError} `session.busy`. */
  alone<T>(work: () => Promise<T>): Promise<T>
  /** How long work may take that began with an older key and writes it down at its end, milliseconds (KY-5). */
  readonly workMs: number
  now(): number
}

/** What gives copies keys of their own anew. */
export interface CopyReencryption {
  state(): Promise<KeyStatus['reencryption']>
  runAlone(onProgress: (state: KeyStatus['reencryption']) => void): Promise<void>
}

export interface KeyCare {
  status(): Promise<KeyStatus>
  /**
   * Gives all copies whose key is older than the master key another one, now (KY-15).
   * @throws {CodedError} `session.busy` if another process has the folder open.
   */
  reencrypt(onProgress: (state: KeyStatus['reencryption']) => void): Promise<KeyStatus>
  /**
   * Changes the master key and wraps everything anew; durable when it resolves. `quiet` says that no other work is under
   * way: then the older key is forgotten at once, if nothing needs it.
   * @throws {CodedError} `config.invalid` if there is no new key, `session.busy` if another process has the folder open.
   */
  rotate(quiet: boolean): Promise<KeyStatus>
  /**
   * Goes on with a rotation, if there is one: wraps what is left, and forgets the older keys when nothing needs them.
   * `quiet` says that no other work is under way.
   * @returns the ids of those.
   */
  tend(quiet: boolean): Promise<readonly string[]>
}

export function createKeyCare(parts: KeyCareParts): KeyCare {
  let rotating = false
  return {
    status: () => describe(parts),
    rotate: async (quiet) => {
      if (rotating) throw new CodedError('session.busy', 'the master key is being changed')
      rotating = true
      try {
        const next = await chooseNext(parts)
        await parts.alone(async () => {
          await change(parts, next)
          if (quiet) await tend(parts, true)
        })
      } finally {
        rotating = false
      }
      return describe(parts)
    },
    reencrypt: async (onProgress) => {
      await parts.alone(() => parts.reencryption.runAlone(onProgress))
      return describe(parts)
    },
    tend: async (quiet) => (rotating ? [] : await tend(parts, quiet)),
  }
}

/** @returns the ids of the keys that were forgotten. */
async function tend({ keyRing, uses, now, workMs }: KeyCareParts, quiet: boolean): Promise<readonly string[]> {
  if (keyRing.olderKeyIds.length === 0) return []
  await rewrapAll(uses)
  if (!quiet && now() - (keyRing.rotatedAt ?? 0) <= workMs) return []
  const needed = await neededKeys(uses)
  const keyIds = keyRing.olderKeyIds.filter((keyId) => !needed.has(keyId))
  if (keyIds.length === 0) return []
  keyRing.forget(keyIds)
  step('key-forgotten')
  return keyIds
}

/** The key to change to; undefined for a new file in place of the one of now. */
async function chooseNext({ newKey, source }: KeyCareParts): Promise<Uint8Array | undefined> {
  const given = await readGivenKey(newKey, NEW_MASTER_KEY_NAMES)
  if (given !== undefined) return given.key
  if (newKey.file !== undefined) return openMasterKey(newKey.file, { create: true }).key
  if (source.kind === 'file') return undefined
  throw new CodedError('config.invalid', `the master key comes from ${nameOf(source)}: a new one cannot be put there`, {
    next: `Say where the new one comes from: ${Object.values(NEW_MASTER_KEY_NAMES).join(', ')}.`,
  })
}

async function change({ keyRing, source, uses, now }: KeyCareParts, given: Uint8Array | undefined): Promise<void> {
  const path = source.kind === 'file' && given === undefined ? source.path : undefined
  const next = path === undefined ? given : prepareMasterKey(path)
  if (next === undefined) throw new TypeError('a key is given, or there is a file for it')
  step('key-prepared')
  keyRing.rotate(next, now())
  step('key-switched')
  if (path !== undefined) placeMasterKey(path)
  step('key-placed')
  await rewrapAll(uses)
}

async function rewrapAll(uses: readonly KeyUse[]): Promise<void> {
  for (const use of uses) {
    await use.rewrap?.()
    step('key-rewrapped')
  }
}

async function neededKeys(uses: readonly KeyUse[]): Promise<ReadonlySet<string>> {
  const needed = new Set<string>()
  for (const use of uses) for (const keyId of (await use.count()).keys()) needed.add(keyId)
  return needed
}

async function describe({ keyRing, source, uses, kit, reencryption }: KeyCareParts): Promise<KeyStatus> {
  const counted = await Promise.all(
    uses.map(async ({ what, count }) => [...(await count())].map(([keyId, objects]) => ({ what, keyId, objects }))),
  )
  const { currentKeyId, olderKeyIds, rotatedAt } = keyRing
  return {
    currentKeyId,
    source: source.kind,
    ...(source.kind === 'file' && { masterKeyFile: source.path }),
    olderKeyIds,
    ...(rotatedAt !== undefined && { rotatedAt }),
    uses: counted.flat(),
    reencryption: await reencryption.state(),
    kit: kit.describe(currentKeyId),
  }
}

function nameOf(source: KeySource): string {
  return source.kind === 'environment' ? 'the environment' : source.kind === 'command' ? 'a command' : source.path
}
