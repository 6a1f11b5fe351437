/**
 * Nightly proof that copies can be restored (RS-19): those whose proof is oldest, as many as the operator's limit of
 * octets lets through. What was found is kept for each database and shown wherever its backup is.
 */

import { randomUUID } from 'node:crypto'
import { CodedError } from '../../schemas/errors.ts'
import { toHex } from '../../schemas/hex.ts'
import type { DatabaseSummary } from '../../schemas/http/backups.ts'
import { placeOfCopy } from '../backup/copyKey.ts'
import type {
  DatabaseKey,
  DatabaseRow,
  Databases,
  DueProof,
  PastCopies,
  ProofRow,
  Proofs,
} from '../catalogue/catalogue.ts'
import type { KeyRing } from '../keys/keyRing.ts'
import type { ProofInput, ProofOutcome } from './proveCopy.ts'
import { readCopy } from './readCopy.ts'

/** What it takes to prove one state of one copy. */
export interface ProofSourceParts {
  readonly keyRing: KeyRing
  readonly jobs: { proveCopy(input: ProofInput, owner: DatabaseKey): Promise<ProofOutcome> }
  copyPath(copyId: string): string
  imagePath(imageId: string): string
}

export interface ProofParts extends ProofSourceParts {
  readonly databases: Databases
  readonly proofs: Proofs
  readonly pastCopies: Pick<PastCopies, 'list'>
  now(): number
  /** A copy cannot be restored: somebody has to look. */
  onFailure(key: DatabaseKey & { readonly copyId?: string }, cause: unknown): void
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

/** Proves one copy now. A failure is kept, reported, and no exception. */
export async function proveOne(
  parts: ProofParts,
  { past, ...due }: DueProof,
): Promise<ProofOutcome['kind'] | 'failed'> {
  const { accountId, deviceId, name } = due
  const key = { accountId, deviceId, name }
  const before = await parts.proofs.find(key)
  const failure = past ? past.failure : before?.failure
  // Its turn is over whatever comes of it, or one that takes too long would keep all others waiting.
  const turn = { checkedAt: parts.now() }
  const put = (
    found: { readonly failure?: string },
    proven = { provenAt: before?.provenAt ?? 0, token: before?.token ?? '' },
  ): Promise<void> =>
    past
      ? parts.proofs.putPast(past.copyId, { ...turn, ...found })
      : parts.proofs.put({ ...key, ...turn, ...proven, ...found })
  try {
    if (past) {
      const { kind } = await proveSource(parts, past, key)
      await put({})
      return kind
    }
    const { row, result } = await readCopy(parts.databases, key, (source) => proveSource(parts, source, key))
    const isProven = result.kind === 'proven'
    await put({}, isProven ? { provenAt: turn.checkedAt, token: result.token ?? row.token } : undefined)
    return result.kind
  } catch (cause) {
    if (cause instanceof CodedError && !['storage.corrupt', 'key.wrong'].includes(cause.code)) {
      // Removed meanwhile, beyond a limit, or the server ends: nothing was found out about the copy.
      if (cause.code !== 'database.unknown') await put(failure === undefined ? {} : { failure })
      return 'unchecked'
    }
    // Dropped while it was read.
    if (past && !(await parts.pastCopies.list(key)).some(({ copyId }) => copyId === past.copyId)) return 'unchecked'
    parts.onFailure(past ? { ...key, copyId: past.copyId } : key, cause)
    const found = cause instanceof Error ? cause.message : String(cause)
    await put({ failure: found.slice(0, 500) })
    return 'failed'
  }
}

/** Restores a copy, or a state it remembers, to prove that it can be. @throws {CodedError} `storage.corrupt`, `key.wrong`. */
export function proveSource(
  parts: ProofSourceParts,
  source: Pick<DatabaseRow, 'kind' | 'copyId' | 'wrappedKey'>,
  owner: DatabaseKey,
  pastToken?: string,
): Promise<ProofOutcome> {
  const imageId = randomUUID()
  const input = {
    kind: source.kind,
    ...placeOfCopy(parts, source),
    imagePath: parts.imagePath(imageId),
    imageKey: toHex(parts.keyRing.newKey(`image:${imageId}`).key),
    ...(pastToken !== undefined && { pastToken }),
  }
  return parts.jobs.proveCopy(input, owner)
}

/** What a proof says of its database, as it is shown. */
export function describeProof(proof: ProofRow | undefined): Pick<DatabaseSummary, 'provenAt' | 'proofFailure'> {
  const { provenAt = 0, failure } = proof ?? {}
  return { ...(provenAt > 0 && { provenAt }), ...(failure !== undefined && { proofFailure: failure }) }
}
