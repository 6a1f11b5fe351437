/**
 * Nightly proof that copies can be restored (RS-19): those whose proof is oldest, as many as the operator's limit of
 * octets lets through. What was found is kept for each database and shown wherever its backup is.
 */

import { randomUUID } from 'node:crypto'
import { CodedError } from '../../schemas/errors.ts'
import { toHex } from '../../schemas/hex.ts'
import { copyKeyContext } from '../backup/copyKey.ts'
import type { DatabaseKey, Databases, Proofs } from '../catalogue/catalogue.ts'
import type { KeyRing } from '../keys/keyRing.ts'
import type { CopySource, ImagePlace } from './buildImage.ts'
import type { ProofOutcome } from './proveCopy.ts'
import { readCopy } from './readCopy.ts'

export interface ProofParts {
  readonly databases: Databases
  readonly proofs: Proofs
  readonly keyRing: KeyRing
  readonly jobs: { proveCopy(input: CopySource & ImagePlace, owner: DatabaseKey): Promise<ProofOutcome> }
  copyPath(copyId: string): string
  imagePath(imageId: string): string
  now(): number
  /** A copy cannot be restored: somebody has to look. */
  onFailure(key: DatabaseKey, cause: unknown): void
}

export interface ProofRound {
  readonly proven: number
  readonly unchecked: number
  readonly failed: number
  /** Octets of the copies that were looked at. */
  readonly sizeBytes: number
}

/** Copies that are looked for at once. */
const BATCH = 100

/** Proves copies until `maxBytes` of them were looked at, each at most once; `stopped` ends it after the one at hand. */
export async function proveOldest(parts: ProofParts, maxBytes: number, stopped: () => boolean): Promise<ProofRound> {
  const round = { proven: 0, unchecked: 0, failed: 0, sizeBytes: 0 }
  const startedAt = parts.now()
  for (;;) {
    const due = await parts.proofs.listDue(startedAt, BATCH)
    for (const database of due) {
      if (stopped() || round.sizeBytes >= maxBytes) return round
      round[await proveOne(parts, database)]++
      round.sizeBytes += database.sizeBytes
    }
    if (due.length < BATCH) return round
  }
}

/** Proves one database now. A failure is kept, reported, and no exception. */
export async function proveOne(parts: ProofParts, key: DatabaseKey): Promise<ProofOutcome['kind'] | 'failed'> {
  const { accountId, deviceId, name } = key
  try {
    const { row, result } = await readCopy(parts.databases, key, async ({ kind, copyId, wrappedKey }) => {
      const imageId = randomUUID()
      const input = {
        kind,
        copyPath: parts.copyPath(copyId),
        copyKey: toHex(parts.keyRing.unwrap(wrappedKey, copyKeyContext(copyId))),
        imagePath: parts.imagePath(imageId),
        imageKey: toHex(parts.keyRing.newKey(`image:${imageId}`).key),
      }
      return parts.jobs.proveCopy(input, key)
    })
    const token = result.token ?? row.token
    await parts.proofs.put({ accountId, deviceId, name, checkedAt: parts.now(), provenAt: parts.now(), token })
    return result.kind
  } catch (cause) {
    const before = await parts.proofs.find(key)
    // Its turn is over whatever came of it, or one that takes too long would keep all others waiting.
    const turn = { accountId, deviceId, name, provenAt: 0, token: '', ...before, checkedAt: parts.now() }
    if (cause instanceof CodedError && !['storage.corrupt', 'key.wrong'].includes(cause.code)) {
      // Removed meanwhile, beyond a limit, or the server ends: nothing was found out about the copy.
      if (cause.code !== 'database.unknown') await parts.proofs.put(turn)
      return 'unchecked'
    }
    parts.onFailure(key, cause)
    const failure = cause instanceof Error ? cause.message : String(cause)
    await parts.proofs.put({ ...turn, failure: failure.slice(0, 500) })
    return 'failed'
  }
}
