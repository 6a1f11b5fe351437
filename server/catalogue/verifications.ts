/** The port for what devices found when they last compared a database with its copy (VF-6). */

import type { DatabaseKey } from './catalogue.ts'

/** The last comparison of one database. Moments are the server's, milliseconds since 1970. */
export interface VerificationRow extends DatabaseKey {
  readonly verifiedAt: number
  /** Modification number that was compared at. */
  readonly number: number
  readonly form: 'full' | 'part'
  readonly rows: number
  readonly tables: number
  readonly differences: number
  readonly repair: boolean
  /** When the last round over everything ended, by the device's clock. */
  readonly completeAt?: number
}

export interface Verifications {
  find(key: DatabaseKey): Promise<VerificationRow | undefined>
  list(accountId: string): Promise<readonly VerificationRow[]>
  /** In place of the one before. */
  put(row: VerificationRow): Promise<void>
}
