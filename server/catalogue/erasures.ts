/** The port for accounts that are deleted: what of them has to go, and the receipt that stays (KY-11 to KY-14). */

import type { ErasureReceipt } from '../../schemas/http/erasures.ts'

/** An account, as its rows name it. */
export interface ErasedOwner {
  readonly accountId: string
  readonly accountName: string
}

/** What lies outside of the catalogue and belonged to the account. */
export interface ErasedFiles {
  readonly copyIds: readonly string[]
  readonly imageIds: readonly string[]
  readonly spoolIds: readonly string[]
  /** Tokens of its sessions: other spools are named after them. */
  readonly sessions: readonly string[]
  /** Devices that were traced. */
  readonly tracedDevices: readonly string[]
}

/** What a receipt says that the catalogue knows. */
export type ErasedFacts = Pick<ErasureReceipt, 'copies' | 'pastCopies' | 'restores' | 'sizeBytes' | 'keys'>

/** One that was begun. */
export interface OpenErasure extends ErasedOwner {
  readonly startedAt: number
  readonly devices: number
  readonly files: ErasedFiles
  readonly facts: ErasedFacts
}

export interface Erasures {
  /**
   * In one transaction: notes what has to go, and deletes all rows of the account from every table, the keys with them.
   * What was noted before stays; rows that came since are added.
   */
  begin(owner: ErasedOwner & { readonly devices: number }, now: number): Promise<OpenErasure>
  listOpen(): Promise<readonly OpenErasure[]>
  /** Keeps the signed receipt; the erasure is over. Durable when it resolves. */
  end(accountId: string, signed: string, now: number): Promise<void>
  /** Receipts of what is over, newest first. */
  listSigned(): Promise<readonly string[]>
  /** Accounts whose erasure ended since a moment: work that was under way may have left rows. */
  listEnded(since: number): Promise<readonly ErasedOwner[]>
  /** Whether rows of the account are there again. */
  hasRows(owner: ErasedOwner): Promise<boolean>
}
