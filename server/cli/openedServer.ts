/**
 * What the command line needs of an assembled server. `assemble.ts` builds it; a test can build a smaller one.
 */

import type { IssuedWakeUp, PruneReport, WakeRequest } from '../../schemas/http/operator.ts'
import type { AccountService } from '../account/accountService.ts'
import type { DatastorePasswords } from '../account/datastorePasswords.ts'
import type { ServerPasswords } from '../account/serverPasswords.ts'
import type { HealthJudge } from '../alerts/healthJudge.ts'
import type { DatabaseKey, Databases, Proofs } from '../catalogue/catalogue.ts'
import type { Pins } from '../catalogue/pins.ts'
import type { Verifications } from '../catalogue/verifications.ts'
import type { Config } from '../config/config.ts'
import type { Peer } from '../datastore/datastore.ts'
import type { DeliveryService } from '../delivery/deliveryService.ts'
import type { AccountErasure } from '../erasure/eraseAccount.ts'
import type { KeyCare } from '../keys/keyCare.ts'
import type { DeviceKey } from '../push/notifications.ts'
import type { QuotaService } from '../quota/quotaService.ts'
import type { DiffPoints } from '../timeMachine/diffs.ts'
import type { Pinning } from '../timeMachine/pinning.ts'
import type { Tracer } from '../trace/tracer.ts'
import type { VerifiedCopy } from '../verify/verifications.ts'
import type { DatabasePoint } from './operatorApi.ts'

/** A server with its data folder open; it listens only after `listen`. */
export interface OpenedServer {
  readonly accounts: AccountService
  readonly databases: Pick<Databases, 'list'>
  readonly proofs: Pick<Proofs, 'list'>
  readonly pins: Pick<Pins, 'listAccount'>
  /** Pins restore points, and takes pins back (TM-15). */
  readonly pinning: Pinning
  /** Says what differs between two points (TM-20). */
  readonly diff: DiffPoints
  readonly verifications: Pick<Verifications, 'list'>
  /** Proves a copy now. @throws {CodedError} `database.unknown`. */
  verify(key: DatabaseKey): Promise<VerifiedCopy>
  listPoints(accountId: string, deviceId: string, database: string): Promise<readonly DatabasePoint[]>
  /** Drops restore points that the policy does not keep; with `dryRun` it says which those are. */
  prune(dryRun: boolean): Promise<PruneReport>
  /** What accounts and devices may use, and what they use (QT-9). */
  readonly quotas: Pick<QuotaService, 'report' | 'set'>
  /** Lets a device empty a datastore of Items, or be emptied by it, once. @throws {CodedError} `datastore.unknown`. */
  allowEmpty(peer: Peer, datastore: string, allowed: boolean): Promise<void>
  /** Passwords of single datastores (AC-14). */
  readonly datastorePasswords: Pick<DatastorePasswords, 'set' | 'list'>
  /** What this server proves itself with to devices (AC-15), and the name it does so with. */
  readonly serverPasswords: Pick<ServerPasswords, 'set'>
  readonly serverId: string
  /** Asks a device to synchronize. @throws {CodedError} `device.unknown`, `auth.forbidden`. */
  wake(device: DeviceKey, request: WakeRequest): Promise<IssuedWakeUp>
  /** Judges the databases of one account. */
  healthOf(accountId: string): Promise<HealthJudge>
  /** Sends an alert by each way that is set up. */
  testAlerts(): Promise<readonly { readonly port: 'webhook' | 'mail'; readonly failure?: string }[]>
  readonly tracer: Pick<Tracer, 'set' | 'read'>
  /** Which master key wraps, where its file lies if it has one, and whether this start made it. */
  readonly keys: { readonly currentKeyId: string; readonly masterKeyFile?: string; readonly created: boolean }
  /** Rotation of the master key, and what needs which. */
  readonly keyCare: Pick<KeyCare, 'status' | 'rotate' | 'reencrypt'>
  /** Deliveries of one image to several devices (DL-18). */
  readonly deliveries: Pick<DeliveryService, 'create' | 'list' | 'steer'>
  /** Deletion of accounts, and its receipts. */
  readonly erasure: Pick<AccountErasure, 'erase' | 'list'>
  /** A token of scope `operator`, valid for `lifeS` seconds. */
  createOperatorToken(lifeS: number): Promise<string>
  /** Begins to answer; the address, e.g. `http://127.0.0.1:8080`. */
  listen(): Promise<{ readonly url: string }>
  /** Lets what is in work finish, then closes everything. */
  close(): Promise<void>
}

/** How a command gets its server: the whole one, or the account service alone. */
export interface ServerOpeners {
  openServer(config: Config): Promise<OpenedServer>
  /** `nightferry accounts serve`: a process of its own. */
  openAccountServer(config: Config): Promise<Pick<OpenedServer, 'listen' | 'close' | 'keys'>>
}
