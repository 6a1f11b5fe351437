/** How safe a database is, as a word and a sentence, by what the device itself knows and was told (DC-43). Pure. */

import { formatAge } from '../../schemas/cli/formatTable.ts'
import type { Health } from '../../schemas/health.ts'
import type { DatabaseStatus } from '../deviceClient.ts'
import type { NextRun } from './nextRun.ts'

/** A run that is later than this leaves the backup overdue: long enough for a retry to succeed. */
const LATE_AFTER_MS = 60 * 60_000

type Known = Pick<DatabaseStatus, 'lastSuccessAt' | 'lastAttempt' | 'lastVerified' | 'advice'>

/** Judges one database, the worst first; `next` is its next run as of `now`. */
export function judgeSafety(known: Known, next: NextRun, now: number): Health {
  const { lastSuccessAt, lastAttempt, lastVerified, advice } = known
  if (lastSuccessAt === undefined) return { state: 'never', reason: 'it was never backed up' }
  if (lastAttempt?.failure !== undefined && lastAttempt.at > lastSuccessAt)
    return { state: 'failing', reason: lastAttempt.failure.message }
  if (next.kind === 'catch-up' && now - next.plannedAt > LATE_AFTER_MS)
    return { state: 'late', reason: `a backup is overdue by ${formatAge(now - next.plannedAt)}` }
  if (advice?.unprovenSince !== undefined)
    return { state: 'unproven', reason: 'the server could not restore its copy: ask the operator' }
  if (lastVerified !== undefined && lastVerified.differences > 0)
    return { state: 'unproven', reason: `its last comparison found ${lastVerified.differences} differences` }
  return { state: 'ok', reason: '' }
}
