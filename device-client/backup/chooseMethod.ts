/**
 * Which method a backup goes by: the user's, or the next best where the server's operator does not allow it. A refusal
 * is remembered for a while, since each is found out by an exchange. Rules DC-130, DC-131.
 */

import type { BackupMethod } from '../../schemas/backupChoice.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { BackupHistory } from '../agentRecords.ts'
import type { BackupReport } from '../deviceClient.ts'
import { type BackupPreferences, DEFAULT_FULL_EVERY_DAYS } from '../schedule/preferences.ts'

const DAY_MS = 24 * 3_600_000

/** After so long the server is asked for a refused method again. */
const REFUSAL_LASTS_MS = 7 * DAY_MS

/** What is tried in place of a method, in order. A set of files has no other way than `copy`. */
const FALLBACKS: Readonly<Record<BackupMethod, readonly BackupMethod[]>> = {
  delta: ['differential', 'full'],
  differential: ['delta', 'full'],
  full: ['delta', 'differential'],
  copy: [],
}

/**
 * Backs up by the first method that is allowed; `attempt` does it. Returns its report, which says so if it is not the
 * wanted one, and the refusal to remember.
 *
 * @throws {CodedError} `method.forbidden` if none is allowed; what `attempt` throws.
 */
export async function backUpByMethod(
  wanted: BackupMethod,
  history: BackupHistory,
  now: number,
  attempt: (method: BackupMethod) => Promise<BackupReport>,
): Promise<{ readonly report: BackupReport; readonly refused?: BackupHistory['refused'] }> {
  const held = history.refused
  const isRefused = held?.method === wanted && now - held.at < REFUSAL_LASTS_MS
  const [first = wanted, ...others] = isRefused ? FALLBACKS[wanted] : [wanted, ...FALLBACKS[wanted]]
  let method = first
  for (;;) {
    try {
      const report = await attempt(method)
      if (method === wanted) return { report }
      const reason = `the server does not allow the method ${wanted}`
      return { report: { ...report, reason }, refused: isRefused ? held : { method: wanted, at: now } }
    } catch (cause) {
      const next = others.shift()
      if (!(cause instanceof CodedError) || cause.code !== 'method.forbidden' || next === undefined) throw cause
      method = next
    }
  }
}

/** What a tracker is told of a differential; undefined for other methods. */
export function differentialOf(
  method: BackupMethod,
  { fullEveryDays = DEFAULT_FULL_EVERY_DAYS }: BackupPreferences,
  { lastFullAt }: BackupHistory,
  now: number,
): { readonly renew: boolean } | undefined {
  if (method !== 'differential') return undefined
  return { renew: lastFullAt !== undefined && now - lastFullAt >= fullEveryDays * DAY_MS }
}
