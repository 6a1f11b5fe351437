/**
 * What a copy notes of the last Delta that took most rows of a table, in the Delta's own transaction: whatever ends the
 * server then, the next look at the copy tells which state to pin. Rule TM-18.
 */

import type { CopyMeta } from './copyLayout.ts'

/** A table of over 100 rows that lost more than half of them. */
export interface EmptiedTable {
  readonly table: string
  readonly removed: number
}

/** The state that such a Delta left. */
export interface GuardMark {
  readonly token: string
  readonly tables: readonly EmptiedTable[]
}

/** Tables that a mark names at the most. */
const MAX_NAMED = 20

/** What is noted of a Delta that left `held`. */
export function formatGuardMark({ token }: Pick<CopyMeta, 'token'>, tables: readonly EmptiedTable[]): string {
  const mark: GuardMark = { token, tables: tables.slice(0, MAX_NAMED) }
  return JSON.stringify(mark)
}

/** The mark of a copy that has one. */
export function readGuardMark({ guarded }: Pick<CopyMeta, 'guarded'>): GuardMark | undefined {
  return guarded === undefined ? undefined : (JSON.parse(guarded) as GuardMark)
}
