/** The ports of quotas: what was set for accounts and devices, and what they use as the catalogue's rows say. */

/** What was set for an account (`deviceId` empty) or for a device; null: the default of the server counts. */
export interface QuotaRow {
  readonly accountId: string
  readonly deviceId: string
  readonly storedMb: number | null
  readonly databases: number | null
  readonly uploadMb: number | null
  readonly sessionsPerHour: number | null
}

/** Octets of one copy that is in use (`name`) or was put aside (`copyId`). */
export interface StoredCopy {
  readonly deviceId: string
  readonly sizeBytes: number
}

export interface Quotas {
  /** What was set for the account and its devices. */
  list(accountId: string): Promise<readonly QuotaRow[]>
  /** New, or in place of the row of the same account and device. */
  put(row: QuotaRow): Promise<void>
  listDatabases(accountId: string): Promise<readonly (StoredCopy & { readonly name: string })[]>
  listPastCopies(accountId: string): Promise<readonly (StoredCopy & { readonly copyId: string })[]>
}
