/**
 * Tables of the catalogue as the query builder sees them. Names are the fields of the ports; truth values are 0 and 1.
 */

import type { BackupMethod, TimeMachineChoice } from '../../../schemas/backupChoice.ts'
import type { PinnedBy } from '../pins.ts'

export interface KnownLoginTable {
  userName: string
  deviceId: string
  accountId: string
  accountName: string
  ha1: string
  lastAccessAt: number
  enabled: number
  checkedAt: number
}

/** Nonces in base64. */
export interface NonceTable {
  userName: string
  deviceId: string
  next: string | null
  previous: string | null
}

export interface DatabaseTable {
  accountId: string
  deviceId: string
  name: string
  copyId: string
  kind: 'sql' | 'file'
  wrappedKey: string
  lineage: string
  number: number
  token: string
  sizeBytes: number
  lastBackupAt: number
  lastMode: 'full' | 'delta' | 'restore'
  reason: string | null
  method: BackupMethod | null
  timeMachine: TimeMachineChoice | null
  createdAt: number
  /** Id of the master key that first wrapped the copy's key. */
  keyedWith: string
}

export interface PastCopyTable {
  copyId: string
  accountId: string
  deviceId: string
  name: string
  kind: 'sql' | 'file'
  wrappedKey: string
  lineage: string
  number: number
  token: string
  takenAt: number
  sizeBytes: number
  endedAt: number
  keyedWith: string
}

export interface ProofTable {
  accountId: string
  deviceId: string
  name: string
  checkedAt: number
  provenAt: number
  token: string
  failure: string | null
}

export interface PinTable {
  accountId: string
  deviceId: string
  name: string
  token: string
  reason: string
  pinnedBy: PinnedBy
  pinnedAt: number
  releasedAt: number | null
}

export interface PastProofTable {
  copyId: string
  checkedAt: number
  failure: string | null
}

export interface HealthTable {
  accountId: string
  deviceId: string
  name: string
  state: string
  since: number
  failedAt: number | null
  failureCode: string | null
}

export interface AlertTable {
  id: string
  /** What it is about: one is not raised again soon. */
  topic: string
  at: number
  /** JSON. */
  body: string
}

export interface AlertDeliveryTable {
  port: string
  alertId: string
  attempts: number
  dueAt: number
}

export interface RestoreTable {
  id: string
  accountId: string
  deviceId: string
  sourceDeviceId: string
  database: string
  imageId: string
  wrappedContentKey: string
  segmentMap: string
  lineage: string
  number: number
  token: string
  sourceCopyId: string
  heldLineage: string | null
  segments: number
  sizeBytes: number
  sealedBytes: number
  createdAt: number
  expiresAt: number
  completedAt: number | null
}

export interface OmadsSessionTable {
  token: string
  deviceId: string
  /** `SessionState` as JSON. */
  state: string
  /** The stored answer as JSON, without its octets. */
  answer: string
  touchedAt: number
  /** Those, in base64: the two databases name their binary types differently. Last, so that others are read without it. */
  answerBytes: string
}

export interface ClientDescriptionTable {
  accountId: string
  deviceId: string
  /** `DevInf` as JSON. */
  devInf: string
}

export interface HeldObjectTable {
  accountId: string
  deviceId: string
  uri: string
  spoolId: string
  /** What is held, as JSON. */
  object: string
  heldAt: number
}

export interface DatastorePasswordTable {
  accountId: string
  lock: string
  ha1: string
}

export interface OwnLoginTable {
  accountId: string
  deviceId: string
  sealedPassword: string
  nonce: string | null
}

export interface NotificationTable {
  accountId: string
  deviceId: string
  sessionId: number
  issuedAt: number
  /** `AlertedSync[]` as JSON. */
  syncs: string
  takenAt: number | null
  pushedAt: number | null
  attempts: number
  /** When a gateway shall be asked; null if it shall not. */
  nextPushAt: number | null
}

export interface TraceTable {
  accountId: string
  deviceId: string
  since: number
  until: number
}

export interface InstallationTable {
  accountId: string
  deviceId: string
  value: string
  acceptedAt: number
  clonedAt: number | null
}

export interface QuotaTable {
  accountId: string
  deviceId: string
  storedMb: number | null
  databases: number | null
  uploadMb: number | null
  sessionsPerHour: number | null
}

/** Deleted accounts; what is in JSON is described at the port. */
export interface ErasureTable {
  subject: string
  accountName: string
  startedAt: number
  devices: number
  files: string
  facts: string
  endedAt: number | null
  /** Compact JWS. */
  receipt: string | null
}

export interface VerificationTable {
  accountId: string
  deviceId: string
  name: string
  verifiedAt: number
  number: number
  form: string
  rows: number
  tables: number
  differences: number
  repair: number
  completeAt: number | null
}

/** Deliveries; what is in JSON is described at the port. */
export interface DeliveryTable {
  id: string
  accountId: string
  sourceDeviceId: string
  database: string
  imageId: string
  wrappedContentKey: string
  segmentMap: string
  kind: 'sql' | 'file'
  sizeBytes: number
  sealedBytes: number
  state: string
  isOver: number
  /** What a process that does not serve wants done: pause, resume, cancel. */
  steered: string | null
  createdAt: number
  expiresAt: number
}

/** Add a table here, its making in `migrations.ts`, and fill its port in a file of its own. */
export interface CatalogueTables {
  knownLogin: KnownLoginTable
  nonce: NonceTable
  database: DatabaseTable
  pastCopy: PastCopyTable
  pin: PinTable
  health: HealthTable
  alert: AlertTable
  alertDelivery: AlertDeliveryTable
  proof: ProofTable
  pastProof: PastProofTable
  restore: RestoreTable
  omadsSession: OmadsSessionTable
  clientDescription: ClientDescriptionTable
  heldObject: HeldObjectTable
  datastorePassword: DatastorePasswordTable
  ownLogin: OwnLoginTable
  notification: NotificationTable
  trace: TraceTable
  quota: QuotaTable
  installation: InstallationTable
  erasure: ErasureTable
  verification: VerificationTable
  delivery: DeliveryTable
}
