/**
 * What an operator's command needs, wherever the server is: in this process, opened on its data folder, or elsewhere
 * behind its REST interface. The commands know only this.
 */

import type { BackupMethod, TimeMachineChoice } from '../../schemas/backupChoice.ts'
import type { RestorePoint } from '../../schemas/http/backups.ts'
import type { DeliveryOrder, DeliverySteering, DeliverySummary } from '../../schemas/http/deliveries.ts'
import type { DiffQuery, DiffReport } from '../../schemas/http/diff.ts'
import type { ErasedAccount } from '../../schemas/http/erasures.ts'
import type { KeyStatus } from '../../schemas/http/keys.ts'
import type { DeviceTrace, IssuedWakeUp, PruneReport, TraceState, WakeRequest } from '../../schemas/http/operator.ts'
import type { QuotaChange, QuotaReport } from '../../schemas/http/quotas.ts'
import type { Verification } from '../../schemas/http/verify.ts'
import type { AccountSummary, RegisteredDevice } from '../account/accountService.ts'
import type { VerifiedCopy } from '../verify/verifications.ts'

/** A device and whose it is. */
export interface AccountDevice extends RegisteredDevice {
  readonly accountName: string
}

/** A database of a device as the server has it. */
export interface DeviceDatabase {
  readonly name: string
  readonly kind: 'sql' | 'file'
  readonly number: number
  readonly sizeBytes: number
  readonly lastBackupAt: number
  readonly lastMode: 'full' | 'delta' | 'restore'
  /** How safe it is (AL-1). */
  readonly health: { readonly state: string; readonly reason: string }
  /** Why it is kept as a file. */
  readonly reason?: string
  /** How its device backs it up, and whether older states are kept. */
  readonly method?: BackupMethod
  readonly timeMachine?: TimeMachineChoice
  /** When the server last restored it as a proof, and why it could not when it last tried. */
  readonly provenAt?: number
  readonly proofFailure?: string
  /** When a point was last pinned because a table lost most of its rows. */
  readonly guardedAt?: number
  /** What the device found when it last compared. */
  readonly verification?: Verification
}

/** A moment a database can be restored to. */
export interface DatabasePoint {
  readonly point: string
  readonly number: number
  readonly takenAt: number
  readonly sizeBytes: number
  /** Why it stays, whatever the policy says. */
  readonly pin?: NonNullable<RestorePoint['pin']>
}

export interface OperatorApi {
  addAccount(name: string, password: string): Promise<AccountSummary>
  listAccounts(): Promise<readonly AccountSummary[]>
  /** @throws {CodedError} `account.unknown`. */
  setAccountDisabled(name: string, disabled: boolean): Promise<void>
  /** Returned once and never again. @throws {CodedError} `account.unknown`. */
  createAppPassword(accountName: string): Promise<{ readonly user: string; readonly password: string }>
  listDevices(): Promise<readonly AccountDevice[]>
  /** @throws {CodedError} `account.unknown`. */
  listDatabases(device: AccountDevice): Promise<readonly DeviceDatabase[]>
  /** Lets the device empty a datastore, or be emptied by it, once. @throws {CodedError} `datastore.unknown`. */
  allowEmpty(device: AccountDevice, datastore: string, allowed: boolean): Promise<void>
  /** Datastores of an account that ask for a password of their own. @throws {CodedError} `account.unknown`. */
  listDatastorePasswords(accountName: string): Promise<readonly string[]>
  /** Null removes it. @throws {CodedError} `account.unknown`, `datastore.unknown`, `protocol.malformed`. */
  setDatastorePassword(accountName: string, datastore: string, password: string | null): Promise<void>
  /**
   * Sets what this server proves itself with to a device; null removes it.
   * @returns the name it proves itself with. @throws {CodedError} `device.unknown`, `protocol.malformed`.
   */
  setServerPassword(device: AccountDevice, password: string | null): Promise<string>
  /** Sends an alert by each way that is set up, now. */
  testAlerts(): Promise<readonly { readonly port: string; readonly failure?: string }[]>
  /** Stops a device for a reason; null lets it go on. @throws {CodedError} `device.unknown`, `protocol.malformed`. */
  setFence(device: AccountDevice, reason: string | null): Promise<void>
  /** Asks a device to synchronize now. @throws {CodedError} `device.unknown` if it never did, `auth.forbidden`. */
  wake(device: AccountDevice, request: WakeRequest): Promise<IssuedWakeUp>
  /** Notes the device's messages for `hours`; 0 ends it. @throws {CodedError} `trace.limited`. */
  setTrace(device: AccountDevice, hours: number): Promise<TraceState>
  /** The messages that were noted, oldest first. */
  readTrace(device: AccountDevice): Promise<DeviceTrace>
  /** Drops the restore points that the server's policy does not keep; with `dryRun` it says which those are. */
  prune(dryRun: boolean): Promise<PruneReport>
  /** What an account and its devices may use and what they use. @throws {CodedError} `account.unknown`. */
  readQuota(accountName: string): Promise<QuotaReport>
  /** Of the account itself without `deviceId`. @throws {CodedError} `account.unknown`. */
  setQuota(accountName: string, deviceId: string | undefined, change: QuotaChange): Promise<void>
  /** Deletes an account with all it has. @throws {CodedError} `account.unknown`. */
  eraseAccount(name: string): Promise<ErasedAccount>
  /** Receipts of deleted accounts, newest first. */
  listErasures(): Promise<readonly ErasedAccount[]>
  /** Which master keys protect what. */
  readKeys(): Promise<KeyStatus>
  /** Changes the master key. @throws {CodedError} `config.invalid` without a new one, `session.busy`. */
  rotateKeys(): Promise<KeyStatus>
  /**
   * Encrypts all copies whose key is older than the master key; resolves when none is left but those that failed.
   * @throws {CodedError} `session.busy` on a folder that another process has open.
   */
  reencryptKeys(onProgress: (state: KeyStatus['reencryption']) => void): Promise<KeyStatus>
  /** Proves a copy now, and tells what its device last found. @throws {CodedError} `database.unknown`. */
  verify(device: AccountDevice, database: string): Promise<VerifiedCopy>
  /** @throws {CodedError} `database.unknown`. */
  listPoints(device: AccountDevice, database: string): Promise<readonly DatabasePoint[]>
  /** What differs between two points. @throws {CodedError} as the call `diffPoints`. */
  diff(device: AccountDevice, database: string, query: DiffQuery): Promise<DiffReport>
  /** Orders one image to several devices. @throws {CodedError} as the call `createDelivery`. */
  createDelivery(accountName: string, order: DeliveryOrder): Promise<DeliverySummary>
  /** Newest first. @throws {CodedError} `account.unknown`. */
  listDeliveries(accountName: string): Promise<readonly DeliverySummary[]>
  /** @throws {CodedError} `delivery.unknown`. */
  steerDelivery(accountName: string, deliveryId: string, action: DeliverySteering): Promise<DeliverySummary>
  /** Pins a point, or takes a pin back. @throws {CodedError} `database.unknown`, `restore.unknown`, `pin.limited`. */
  setPin(device: AccountDevice, database: string, order: PinChange): Promise<DatabasePoint>
}

/** A point by its name or number, and what becomes of it. */
export interface PinChange {
  readonly point: string
  readonly pinned: boolean
  readonly reason?: string
}

/** What a command shows of a database, whichever way it was asked for. */
export function toDeviceDatabase(row: DeviceDatabase): DeviceDatabase {
  const { name, kind, number, sizeBytes, lastBackupAt, lastMode, reason, method, timeMachine, health } = row
  const { provenAt, proofFailure, guardedAt, verification } = row
  return {
    ...{ name, kind, number, sizeBytes, lastBackupAt, lastMode, health },
    ...(reason !== undefined && { reason }),
    ...(method !== undefined && { method }),
    ...(timeMachine !== undefined && { timeMachine }),
    ...(provenAt !== undefined && { provenAt }),
    ...(proofFailure !== undefined && { proofFailure }),
    ...(guardedAt !== undefined && { guardedAt }),
    ...(verification !== undefined && { verification }),
  }
}
