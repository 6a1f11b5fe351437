/** Judges the databases of an account by all that the catalogue knows of them (AL-1). */

import type { Health } from '../../schemas/health.ts'
import type { Alerts } from '../catalogue/alerts.ts'
import type { DatabaseRow } from '../catalogue/catalogue.ts'
import { judgeHealth } from './health.ts'

export interface HealthJudgeParts {
  readonly alerts: Pick<Alerts, 'listHealth'>
  readonly staleAfterMs: number
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

/** Judges one database; `proofFailure` is what its last proof found, if that failed. */
export type HealthJudge = (row: DatabaseRow, proofFailure: string | undefined) => Health

/** The judge for the databases of one account, as of now. */
export async function openHealthJudge(parts: HealthJudgeParts, accountId: string): Promise<HealthJudge> {
  const noted = await parts.alerts.listHealth(accountId)
  const now = parts.clock()
  return ({ deviceId, name, lastBackupAt, createdAt, number }, proofFailure) => {
    const { failedAt: at, failureCode: code } =
      noted.find((row) => row.deviceId === deviceId && row.name === name) ?? {}
    const failure = at === undefined || code === undefined ? {} : { failure: { at, code } }
    const known = { lastBackupAt, createdAt, number, ...failure, ...(proofFailure !== undefined && { proofFailure }) }
    return judgeHealth(known, parts.staleAfterMs, now)
  }
}
