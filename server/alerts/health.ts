/**
 * How safe a database is, as a word and a sentence (AL-1). Pure: what is known goes in, with the time it is now.
 */

import type { Health } from '../../schemas/health.ts'

/** What the server knows of one database; moments in milliseconds. */
export interface KnownHistory {
  /** Absent if nothing was ever backed up. */
  readonly lastBackupAt?: number
  /** When the database was first backed up, and how many times it changed since: what is usual for it. */
  readonly createdAt?: number
  readonly number?: number
  /** The last backup that was refused, and why. */
  readonly failure?: { readonly at: number; readonly code: string }
  /** What was found when its copy was last restored as a proof, if that failed. */
  readonly proofFailure?: string
}

const HOUR_MS = 3_600_000

/** A database may be quiet for so many times its usual gap before it is late. */
const USUAL_GAPS = 3

/** Judges one database; `staleAfterMs` is the operator's word on how old a backup may be at least. */
export function judgeHealth(known: KnownHistory, staleAfterMs: number, now: number): Health {
  const { lastBackupAt, failure, proofFailure } = known
  if (lastBackupAt === undefined) return { state: 'never', reason: 'it was never backed up' }
  if (failure !== undefined && failure.at > lastBackupAt)
    return { state: 'failing', reason: `its last backup was refused (${failure.code})` }
  const ageMs = now - lastBackupAt
  if (ageMs > Math.max(staleAfterMs, USUAL_GAPS * usualGapMs(known)))
    return { state: 'late', reason: `its last backup is ${Math.floor(ageMs / HOUR_MS)} hours old` }
  if (proofFailure !== undefined)
    return { state: 'unproven', reason: `its copy could not be restored: ${proofFailure}` }
  return { state: 'ok', reason: '' }
}

/** Time from one change to the next, as it was so far: a database that does not change sends nothing. */
function usualGapMs({ lastBackupAt = 0, createdAt = lastBackupAt, number = 0 }: KnownHistory): number {
  return (lastBackupAt - createdAt) / Math.max(1, number)
}
