/**
 * The ports of the backup server's catalogue, one per concern: known logins, databases, restores. Sessions and
 * nonces have theirs beside the session engine (`omads/sessionStore.ts`, `omads/authenticate.ts`). The catalogue says where things are; what a copy holds and where it stands is written in the copy itself.
 */

import type { BackupMethod, TimeMachineChoice } from '../../schemas/backupChoice.ts'

/** A peer that logged in before and is compared with what is kept (AC-4). */
export interface KnownLogin {
  readonly userName: string
  readonly deviceId: string
  readonly accountId: string
  readonly accountName: string
  /** Base64 of MD5(`user:password`). */
  readonly ha1: string
  readonly lastAccessAt: number
  /** What the account service said last, and when. */
  readonly enabled: boolean
  readonly checkedAt: number
}

export interface KnownLogins {
  /** All logins that a device id is known by; usually one, more if accounts chose the same device id. */
  find(deviceId: string): Promise<readonly KnownLogin[]>
  /** New, or in place of the one of the same account and device. */
  put(login: KnownLogin): Promise<void>
  /** Notes an access, and what the account service said if it was asked. Durable soon, unless it was disabled: then now. */
  touch(
    accountId: string,
    deviceId: string,
    change: { readonly lastAccessAt: number; readonly enabled?: boolean; readonly checkedAt?: number },
  ): Promise<void>
  remove(accountId: string, deviceId: string): Promise<void>
}

/** The device id under which databases of the account itself are listed (IT-1); no device can have it. */
export const ACCOUNT_DEVICE = 'account'

/** Names one database of one device. */
export interface DatabaseKey {
  readonly accountId: string
  readonly deviceId: string
  readonly name: string
}

/** Where the copy of a database is. The position is for showing; the truth is in the copy. */
export interface DatabaseRow extends DatabaseKey {
  readonly copyId: string
  /** Tables that take Deltas, or a sealed file that is sent whole each time (BK-6). */
  readonly kind: 'sql' | 'file'
  readonly wrappedKey: string
  readonly lineage: string
  readonly number: number
  readonly token: string
  readonly sizeBytes: number
  readonly lastBackupAt: number
  readonly lastMode: 'full' | 'delta' | 'restore'
  /** Why it is kept as a file. */
  readonly reason?: string
  /** How its newest state was to be backed up; absent before the first backup that could say it. */
  readonly method?: BackupMethod
  readonly timeMachine?: TimeMachineChoice
  readonly createdAt: number
}

export interface Databases {
  get(key: DatabaseKey): Promise<DatabaseRow | undefined>
  /** New, or in place of the row of the same key. */
  put(row: DatabaseRow): Promise<void>
  /**
   * Puts `row` only if the key's row still names `fromCopyId` (undefined: if there is no row yet). The wrapped key of a
   * copy that stays is left as it is.
   * @returns false if somebody else was first; nothing was changed then.
   */
  switchCopy(row: DatabaseRow, fromCopyId: string | undefined): Promise<boolean>
  list(accountId: string): Promise<readonly DatabaseRow[]>
  /** When the database that waits longest was backed up; undefined if there is none. */
  oldestBackupAt(): Promise<number | undefined>
  /** Names of all databases there are. */
  listKeys(): Promise<readonly DatabaseKey[]>
  /** Ids of all copies that a row names: what else lies in storage belongs to nobody. */
  listCopyIds(): Promise<readonly string[]>
  remove(key: DatabaseKey): Promise<void>
}

/** What is known of whether a database can be restored (RS-19). */
export interface ProofRow extends DatabaseKey {
  readonly checkedAt: number
  /** When it was last proven; 0 if never. */
  readonly provenAt: number
  /** Of the position that was proven then; empty if never. */
  readonly token: string
  /** What was found at the last look, if that was no proof. */
  readonly failure?: string
}

export interface Proofs {
  find(key: DatabaseKey): Promise<ProofRow | undefined>
  /** Of an account's databases; one whose copy is sound tells of a copy put aside that is not. */
  list(accountId: string): Promise<readonly ProofRow[]>
  /** New, or in place of the one before. */
  put(row: ProofRow): Promise<void>
  /** Notes what was found of a copy that was put aside. */
  putPast(copyId: string, found: Pick<ProofRow, 'checkedAt' | 'failure'>): Promise<void>
  /** Copies that were not looked at since `before`, those first that wait longest. */
  listDue(before: number, limit: number): Promise<readonly DueProof[]>
  /** How many copies could not be restored when they were last looked at. */
  countFailed(): Promise<number>
}

/** A copy whose turn it is; with `past` if it was put aside. */
export interface DueProof extends DatabaseKey {
  readonly sizeBytes: number
  readonly past?: Pick<PastCopyRow, 'copyId' | 'kind' | 'wrappedKey'> & Pick<ProofRow, 'failure'>
}

/** A copy that is not written any more: what a whole file, a restore or a change of the schema put another in place of. */
export interface PastCopyRow extends DatabaseKey {
  readonly copyId: string
  readonly kind: DatabaseRow['kind']
  readonly wrappedKey: string
  /** Where it stands, which is its newest restore point, and when that was taken. */
  readonly lineage: string
  readonly number: number
  readonly token: string
  readonly takenAt: number
  readonly sizeBytes: number
  /** When it was put aside. */
  readonly endedAt: number
}

export interface PastCopies {
  /** New, or in place of the row of the same copy. */
  put(row: PastCopyRow): Promise<void>
  /** Those of one database, the one that ended last first. */
  list(key: DatabaseKey): Promise<readonly PastCopyRow[]>
  listCopyIds(): Promise<readonly string[]>
  remove(copyId: string): Promise<void>
}

/** One restore from ticket to confirmation. */
export interface RestoreRow {
  readonly id: string
  readonly accountId: string
  /** The device that restores. */
  readonly deviceId: string
  readonly sourceDeviceId: string
  readonly database: string
  readonly imageId: string
  readonly wrappedContentKey: string
  /** Compact JWS. */
  readonly segmentMap: string
  /** Position the restored file begins its new life with. */
  readonly lineage: string
  readonly number: number
  readonly token: string
  readonly sourceCopyId: string
  /** Lineage of the restoring device's own copy when the ticket was made, if it had one. */
  readonly heldLineage?: string
  readonly segments: number
  /** Plain file. */
  readonly sizeBytes: number
  /** All sealed segments. */
  readonly sealedBytes: number
  readonly createdAt: number
  readonly expiresAt: number
  readonly completedAt?: number
}

/** Passwords of single datastores (AC-14). `lock` is what they are kept under: one or more datastores. */
export interface DatastorePasswordStore {
  /** Base64 of MD5(`account name:password`). */
  find(accountId: string, lock: string): Promise<string | undefined>
  /** New, or in place of the one before. */
  put(row: { readonly accountId: string; readonly lock: string; readonly ha1: string }): Promise<void>
  remove(accountId: string, lock: string): Promise<void>
  list(accountId: string): Promise<readonly string[]>
}

/** What this server proves itself with to one device (AC-15). */
export interface OwnLoginRow {
  readonly accountId: string
  readonly deviceId: string
  readonly sealedPassword: string
  /** Base64; null until the device gave one. */
  readonly nonce: string | null
}

export interface OwnLoginStore {
  find(accountId: string, deviceId: string): Promise<OwnLoginRow | undefined>
  /** New, or in place of the one before. */
  put(row: OwnLoginRow): Promise<void>
  /** Durable when it returns; nothing happens if there is no row. */
  setNonce(accountId: string, deviceId: string, nonce: string): Promise<void>
  remove(accountId: string, deviceId: string): Promise<void>
}

export interface Restores {
  get(id: string): Promise<RestoreRow | undefined>
  put(row: RestoreRow): Promise<void>
  markCompleted(id: string, completedAt: number): Promise<void>
  /** Restores whose time is over. */
  listExpired(now: number): Promise<readonly RestoreRow[]>
  /** Ids of all images that a row names. */
  listImageIds(): Promise<readonly string[]>
  remove(id: string): Promise<void>
}
