/**
 * The public API of the device client: what an application or the agent can ask of it.
 * Reports are what the agent prints with `--json`, so their fields are part of the contract.
 */

import type { Advice, RunWindow } from '../schemas/http/advice.ts'
import type { RestorePoint } from '../schemas/http/backups.ts'
import type { DiffReport } from '../schemas/http/diff.ts'
import type { ClaimReport } from './claimDevice.ts'
import type { DeliveryClient } from './delivery/deliverEntry.ts'
import type { ScanReport } from './files/scanFolder.ts'
import type { NotificationHost } from './notify/followNotifications.ts'
import type { TrackingMethod } from './observe/preparedBackup.ts'
import type { BackupPreferences } from './schedule/preferences.ts'

export interface InitOptions {
  /** Address of the server, e.g. `https://backup.example`. */
  readonly server: string
  readonly user: string
  /** Password of the account; used once, never kept. */
  readonly password: string
  /** Name of this device, unique within the account. */
  readonly device: string
  /** Makes a password that the server must prove itself with before each backup (DC-52). Default: no. */
  readonly verifyServer?: boolean
}

export interface InitReport {
  readonly server: string
  readonly user: string
  readonly device: string
  readonly deviceId: string
}

export interface AddOptions {
  readonly path: string
  /** Default: the file's name without its ending. */
  readonly name?: string
  /** `compare` never alters the database, at the price of reading all of it each time. Default: `triggers`. */
  readonly tracking?: TrackingMethod
  readonly preferences?: Partial<BackupPreferences>
}

/** A database under backup. */
export interface DatabaseEntry {
  readonly name: string
  /** Absolute path on this device. */
  readonly path: string
  /** A set of files; absent for a database. */
  readonly kind?: 'files'
  readonly tracking: TrackingMethod
  readonly preferences: BackupPreferences
}

export interface BackupOptions {
  /** Sends the whole file. */
  readonly full?: boolean
  /** When the next run may be: the server may suggest a moment in it (DC-120). */
  readonly window?: RunWindow
  /** Of sets of files: every file is read, whatever its times say. */
  readonly checksum?: boolean
  /** Of sets of files: a folder that is suddenly empty is believed. */
  readonly allowEmpty?: boolean
}

export interface BackupReport {
  readonly database: string
  /** `none`: nothing had changed, nothing was sent. */
  readonly mode: 'full' | 'delta' | 'none'
  /** Modification number the backup starts from; null before the first. */
  readonly from: number | null
  readonly to: number
  readonly puts: number
  readonly deletes: number
  readonly schemaChanges: number
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly exchanges: number
  readonly durationMs: number
  /** Of a set of files: what was found. */
  readonly files?: ScanReport
  /** Why the whole file was sent where a Delta was tried; absent if there is nothing to say. */
  readonly reason?: string
  /** The restore point that the server pinned, since this backup took most rows of a table. */
  readonly guard?: GuardedPoint
}

/** A point that the server pinned by itself. */
export interface GuardedPoint {
  readonly point: string
  /** What was lost after it. */
  readonly reason: string
  /** Server's time, milliseconds since 1970. */
  readonly at: number
}

export interface RestoreOptions {
  readonly database: string
  /** Where the file shall lie. */
  readonly to: string
  /** Name of the device whose copy is wanted; default: this one. */
  readonly fromDevice?: string
  /** Of the account, for the copy of another device (ID-1); used once, never kept. */
  readonly password?: string
  /** A restore point's id, or a moment in milliseconds since 1970: the last point not after it. Default: the latest. */
  readonly at?: string | number
  /** Of a set of files: only this file or folder of it. */
  readonly file?: string
  /** Takes the server's signing key as it is now in place of the one this device knows. */
  readonly trustNewKey?: boolean
  /** A copy to look at, wherever it lies: nothing begins anew with it, here or on the server. */
  readonly aside?: boolean
}

/** Which device of the account is fenced, and why; a reason of null ends the fence (ID-4). */
export interface FenceOptions {
  /** Name or id. */
  readonly device: string
  /** Of the account; used once, never kept. */
  readonly password: string
  readonly reason: string | null
}

export interface FenceReport {
  readonly device: string
  readonly deviceId: string
  readonly reason: string | null
}

export interface RestoreReport {
  readonly database: string
  readonly path: string
  readonly point: string
  readonly bytesReceived: number
  readonly sizeBytes: number
  /** Lower-case hex of the restored file. */
  readonly sha256: string
  /** Of a set of files: how many entries were placed, and where what lay there before is now. */
  readonly entries?: number
  readonly keptAside?: string
  readonly durationMs: number
}

/** Which rows of a table come back into the living database. */
export interface RestoreRowsOptions {
  readonly database: string
  readonly table: string
  readonly at?: string | number
  /** Columns and values that rows must have; none: all rows. */
  readonly where: readonly { readonly column: string; readonly value: string }[]
  /** Rows that are here now and were not at the point go. */
  readonly exact: boolean
  /** Counts, and changes nothing. */
  readonly dryRun: boolean
}

export interface RestoreRowsReport {
  readonly database: string
  readonly table: string
  readonly point: string
  readonly dryRun: boolean
  readonly inserted: number
  readonly updated: number
  readonly deleted: number
  readonly unchanged: number
  readonly bytesReceived: number
  readonly durationMs: number
}

export interface PointEntry {
  readonly point: string
  readonly number: number
  /** Server's time, milliseconds since 1970. */
  readonly takenAt: number
  readonly sizeBytes: number
  /** Why it stays, whatever the server's policy says. */
  readonly pin?: NonNullable<RestorePoint['pin']>
}

/** Which points to compare, each as `RestoreOptions.at`, and how closely. */
export interface DiffOptions {
  readonly database: string
  readonly from: string | number
  readonly to: string | number
  readonly table?: string
  readonly values: boolean
  readonly limit: number
}

/** How a part of a database differs from the server's copy. */
export interface VerifyDifference {
  /**
   * Rows that differ, are only here (`missing`) or only at the server (`extra`); `more` rows than are listed; a `table`
   * whose rows have no key; objects of the `schema`, properties of the `header`; or the copy's `position`: the server, or
   * this database, is in an older state.
   */
  readonly kind: 'changed' | 'missing' | 'extra' | 'more' | 'table' | 'schema' | 'header' | 'position'
  readonly table?: string
  readonly count: number
  /** Some of them, as JSON. */
  readonly keys: readonly string[]
}

export interface VerifyReport {
  readonly database: string
  /** Modification number of the copy that was compared with. */
  readonly number: number
  readonly form: 'full' | 'part'
  /** True if a round over everything ended with this run. */
  readonly complete: boolean
  /** When the last one did, milliseconds since 1970. */
  readonly completeAt?: number
  readonly rows: number
  readonly tables: number
  /** Rows that changed since the last backup: the server cannot have them yet. */
  readonly pending: number
  /** Tables that were not compared: changed since the last backup, or too large without a key for the part form. */
  readonly skipped: readonly string[]
  readonly differences: readonly VerifyDifference[]
  /** True if what differs goes with the next backup. */
  readonly repair: boolean
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly exchanges: number
  readonly durationMs: number
}

/** The last comparison of a database with its copy. */
export interface VerifyRecord {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly form: VerifyReport['form']
  readonly completeAt?: number
  /** Rows, objects and properties that differed. */
  readonly differences: number
}

/** How safe a database is now. Moments in milliseconds since 1970. */
export interface DatabaseStatus extends DatabaseEntry {
  readonly lastSuccessAt?: number
  readonly lastAttempt?: AttemptRecord
  /** The last point that the server pinned since a backup took most rows of a table. */
  readonly lastGuard?: GuardedPoint
  /** What the server advised with the last session: quotas, and when to come next. */
  readonly advice?: Advice
  readonly lastVerified?: VerifyRecord
  /** True if changes wait that no backup holds yet; absent if the database cannot be read now. */
  readonly pending?: boolean
}

/** The last try to back up a database. */
export interface AttemptRecord {
  readonly at: number
  readonly mode?: BackupReport['mode']
  /** Why it failed; absent if it did not. */
  readonly failure?: { readonly code: string; readonly message: string }
}

export interface DeviceStatus {
  readonly server: string
  readonly user: string
  readonly device: string
  readonly deviceId: string
  readonly databases: readonly DatabaseStatus[]
}

/** The device client. Every method throws `CodedError`s; none leaves a database or a target half done. */
export interface DeviceClient extends DeliveryClient {
  /** Registers this device with the account. @throws `auth.invalid`, `device.exists`, `network.unreachable`. */
  init(options: InitOptions): Promise<InitReport>
  /** Observes a database from now on. @throws `database.unknown`, `database.locked`, `database.untrackable`. */
  add(options: AddOptions): Promise<DatabaseEntry>
  /** Changes how a database is backed up. @throws `database.unknown`. */
  configure(name: string, preferences: Partial<BackupPreferences>): Promise<DatabaseEntry>
  /** Takes the observers away and forgets the database here; the server's copy stays. @throws `database.unknown`. */
  remove(name: string): Promise<void>
  list(): Promise<readonly DatabaseEntry[]>
  backup(name: string, options?: BackupOptions): Promise<BackupReport>
  restore(options: RestoreOptions): Promise<RestoreReport>
  /** Brings rows back as ordinary changes. @throws `restore.mismatch`, `restore.unknown`, `database.locked`. */
  restoreRows(options: RestoreRowsOptions): Promise<RestoreRowsReport>
  points(database: string, source?: Pick<RestoreOptions, 'fromDevice' | 'password'>): Promise<readonly PointEntry[]>
  /** What differs between two points. @throws `restore.unknown`, `database.untrackable`. */
  diff(options: DiffOptions): Promise<DiffReport>
  /** Pins a point of a database of this device. @throws `restore.unknown`, `pin.limited`. */
  pin(database: string, at: string | number, reason: string): Promise<PointEntry>
  /** Stops a device of the account, or lets it go on. @throws `device.unknown`, `auth.*`, `network.unreachable`. */
  fence(options: FenceOptions): Promise<FenceReport>
  /**
   * Compares a database with the server's copy: the next part, or all of it (`full`). With `repair` the next backup sends
   * what differs. @throws `database.unknown`, `session.busy`, `network.unreachable`.
   */
  verify(name: string, options?: { readonly full?: boolean; readonly repair?: boolean }): Promise<VerifyReport>
  /** This installation goes on, others of the device are refused. @throws `auth.*`, `network.unreachable`. */
  claim(password: string): Promise<ClaimReport>
  status(): Promise<DeviceStatus>
  /** Waits for the server's notifications and lets `host` obey them, until `host.stopped`; never throws. */
  followNotifications(host: NotificationHost): Promise<void>
}
