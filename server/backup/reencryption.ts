/**
 * Gives copies keys of their own anew after the master key changed, one after the other, so slowly that devices do not
 * notice; it goes on where it was ended. Rules KY-15 to KY-19.
 */

import { randomUUID } from 'node:crypto'
import { CodedError } from '../../schemas/errors.ts'
import { toHex } from '../../schemas/hex.ts'
import type { DatabaseKey } from '../catalogue/catalogue.ts'
import type { CopyKeyCounts, CopyKeys, KeyedCopy } from '../catalogue/copyKeys.ts'
import type { KeyRing } from '../keys/keyRing.ts'
import { step } from '../steps.ts'
import type { CopyGate } from './copyGate.ts'
import { copyKeyContext, placeOfCopy } from './copyKey.ts'
import { removeCopy } from './importFile.ts'
import type { ReencryptInput } from './reencryptCopy.ts'

/** How long a file stays for those who are about to open it. */
const READERS_MS = 120_000

export interface ReencryptionParts {
  readonly copyKeys: CopyKeys
  readonly keyRing: Pick<KeyRing, 'currentKeyId' | 'newKey' | 'wrap' | 'unwrap'> & {
    /** Undefined if the master key is the first one. */
    readonly rotatedAt: number | undefined
  }
  readonly gate: CopyGate
  /** Octets a minute in the background; 0 for none. */
  readonly bytesPerMinute: number
  copyPath(copyId: string): string
  /** Makes a second file under another key, by whatever pool. */
  reencryptCopy(input: ReencryptInput, owner: DatabaseKey): Promise<undefined>
  /** Nobody writes the copy just now: what is known of it elsewhere is written down and forgotten. */
  release(key: DatabaseKey): Promise<void>
  now(): number
  /** Resolves after `ms`, or when `signal` says so. */
  pause(ms: number, signal: AbortSignal): Promise<void>
  /** How many wait was counted just now. */
  onLeft(left: CopyKeyCounts): void
  onDone(copy: KeyedCopy, left: CopyKeyCounts): void
  onFailure(copy: KeyedCopy, cause: unknown): void
}

export interface ReencryptionState extends CopyKeyCounts {
  /** Copies that failed since the start: they stay as they are. */
  readonly failed: number
  readonly running: boolean
}

export interface Reencryption {
  state(): Promise<ReencryptionState>
  /** Begins in the background if copies wait, and removes files whose readers are gone. Failures are told to `onFailure`. */
  tend(): void
  /** Begins, or goes on, without pauses, also with those that failed. */
  hurry(): void
  /** All that waits, now; nobody else works on the folder. Resolves when it is done. */
  runAlone(onProgress: (state: ReencryptionState) => void): Promise<void>
  /** Begins no other copy; resolves when the one at hand is done. */
  close(): Promise<void>
}

export function createReencryption(parts: ReencryptionParts): Reencryption {
  const failed = new Set<string>()
  const discarded = new Map<string, number>()
  let running: Promise<void> | undefined
  let hurried = parts.bytesPerMinute === 0
  let stop = new AbortController()
  let isClosed = false
  /** The master key for which nothing is left. */
  let doneFor = ''

  const counts = async (): Promise<CopyKeyCounts> => {
    const found = await parts.copyKeys.count(parts.keyRing.currentKeyId)
    const left = parts.keyRing.rotatedAt === undefined ? { ...found, leftCopies: 0, leftBytes: 0 } : found
    parts.onLeft(left)
    return left
  }
  const state = async (): Promise<ReencryptionState> => ({
    ...(await counts()),
    failed: failed.size,
    running: running !== undefined,
  })
  const removeDiscarded = async (olderThan: number): Promise<void> => {
    for (const [copyId, since] of discarded)
      if (since <= olderThan) {
        await removeCopy(parts.copyPath(copyId))
        discarded.delete(copyId)
        step('reencrypt-removed')
      }
  }
  const work = async (alone: boolean, onProgress: (state: ReencryptionState) => void): Promise<void> => {
    let after = ''
    for (;;) {
      const copy = isClosed ? undefined : await parts.copyKeys.next(parts.keyRing.currentKeyId, after)
      if (copy === undefined) break
      after = copy.copyId
      if (failed.has(copy.copyId)) continue
      try {
        await reencryptOne(parts, copy)
        discarded.set(copy.copyId, parts.now())
        if (alone) await removeDiscarded(parts.now())
        parts.onDone(copy, await counts())
      } catch (cause) {
        // Busy: others read it for long. Its turn comes again at the next look.
        if (!(cause instanceof CodedError && cause.code === 'session.busy')) failed.add(copy.copyId)
        parts.onFailure(copy, cause)
      }
      onProgress(await state())
      if (!alone && !hurried) await parts.pause((copy.sizeBytes / parts.bytesPerMinute) * 60_000, stop.signal)
    }
  }
  const begin = (alone: boolean, onProgress: (state: ReencryptionState) => void = () => undefined): Promise<void> => {
    running ??= work(alone, onProgress).finally(() => {
      running = undefined
      hurried = parts.bytesPerMinute === 0
    })
    return running
  }
  const look = async (): Promise<void> => {
    await removeDiscarded(parts.now() - READERS_MS)
    const keyId = parts.keyRing.currentKeyId
    if (isClosed || running !== undefined || doneFor === keyId || parts.keyRing.rotatedAt === undefined) return
    if (parts.bytesPerMinute === 0) return
    if ((await counts()).leftCopies === 0) doneFor = keyId
    else await begin(false)
  }
  const inBackground = (begun: Promise<void>): void => {
    // What fails is told copy by copy; the catalogue itself fails others, too, and the next look tries again.
    begun.catch(() => undefined)
  }
  return {
    state,
    tend: () => inBackground(look()),
    hurry: () => {
      hurried = true
      failed.clear()
      stop.abort()
      stop = new AbortController()
      if (parts.keyRing.rotatedAt !== undefined) inBackground(begin(false))
    },
    runAlone: async (onProgress) => {
      failed.clear()
      if (parts.keyRing.rotatedAt !== undefined) await begin(true, onProgress)
    },
    close: async () => {
      isClosed = true
      stop.abort()
      await running?.catch(() => undefined)
    },
  }
}

/** @throws {CodedError} as the job; the copy is as it was then. */
async function reencryptOne(parts: ReencryptionParts, { copyId, kind, ...known }: KeyedCopy): Promise<void> {
  const key: DatabaseKey = { accountId: known.accountId, deviceId: known.deviceId, name: known.name }
  await parts.gate.alone(key, async () => {
    await parts.release(key)
    const newId = randomUUID()
    const newKey = parts.keyRing.newKey(copyKeyContext(newId))
    const to = parts.copyPath(newId)
    const place = placeOfCopy(parts, { copyId, wrappedKey: known.wrappedKey })
    step('reencrypt-begun')
    await parts.reencryptCopy({ kind, ...place, newKey: toHex(newKey.key), to }, key).catch(async (cause) => {
      await removeCopy(to)
      throw cause
    })
    step('reencrypt-written')
    // Wrapped now, not before the work: the master key may have changed since (KY-5).
    const wrappedKey = parts.keyRing.wrap(newKey.key, copyKeyContext(newId))
    // Not there any more: its owner removed it, or it was dropped.
    if (!(await parts.copyKeys.replace(copyId, { copyId: newId, wrappedKey }))) await removeCopy(to)
    step('reencrypt-switched')
  })
}
