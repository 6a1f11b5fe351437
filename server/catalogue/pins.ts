/** The port to pinned restore points (TM-15): the policy drops none of them. */

import type { DatabaseKey } from './catalogue.ts'

/** Who pinned a point: the operator, a device or login of the account, or the server itself (TM-18). */
export type PinnedBy = 'operator' | 'owner' | 'guard'

export interface PinRow extends DatabaseKey {
  /** Of the position that is pinned. */
  readonly token: string
  readonly reason: string
  readonly pinnedBy: PinnedBy
  readonly pinnedAt: number
  /** The server does not pin this point by itself again: since when. */
  readonly releasedAt?: number
}

export interface Pins {
  /** Those of one database, released ones too, the newest pin first. */
  list(key: DatabaseKey): Promise<readonly PinRow[]>
  /** Those of all databases of an account, likewise. */
  listAccount(accountId: string): Promise<readonly PinRow[]>
  /** New, or in place of the one of the same point. */
  put(row: PinRow): Promise<void>
  remove(key: DatabaseKey, token: string): Promise<void>
}
