/** The port of what alerts remember: the states that were told, and alerts that are on their way (AL-2, AL-4). */

import type { HealthState } from '../../schemas/health.ts'
import type { DatabaseKey } from './catalogue.ts'

/** A database, or a device by an empty name, that is not well, or whose backup was refused. */
export interface HealthRow extends DatabaseKey {
  /** What was told last; `ok` if only a refusal is known. */
  readonly state: string
  readonly since: number
  /** The last backup that was refused. */
  readonly failedAt?: number
  readonly failureCode?: string
}

/** An alert that a port has not brought yet. */
export interface WaitingAlert {
  readonly id: string
  /** The alert as JSON. */
  readonly body: string
  readonly attempts: number
}

export interface Alerts {
  listHealth(accountId: string): Promise<readonly HealthRow[]>
  /** All that are in one state. */
  listState(state: HealthState): Promise<readonly HealthRow[]>
  countHealth(): Promise<ReadonlyMap<string, number>>
  putHealth(row: HealthRow): Promise<void>
  noteFailure(key: DatabaseKey, at: number, code: string): Promise<void>
  removeHealth(key: DatabaseKey): Promise<void>
  /**
   * Hands an alert to `ports`, durable when it resolves.
   * @returns false if one of the same `topic` was raised after `notSince`: nothing was done then.
   */
  raise(
    alert: { readonly id: string; readonly at: number; readonly topic: string; readonly body: string },
    ports: readonly string[],
    notSince: number,
  ): Promise<boolean>
  /** What a port has to bring by `now`, oldest first. */
  listDue(port: string, now: number, limit: number): Promise<readonly WaitingAlert[]>
  /** Brought, or given up. */
  done(port: string, ids: readonly string[]): Promise<void>
  /** They come again at `dueAt`. */
  putOff(port: string, ids: readonly string[], dueAt: number): Promise<void>
  /** Forgets alerts raised before `before`, unless a port still has to bring them. */
  forget(before: number): Promise<void>
}
