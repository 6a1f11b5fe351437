/** A whole edge for tests: real account service and catalogue; restores and SyncML answer from memory. */

import { join } from 'node:path'
import type { Express } from 'express'
import { CodedError } from '../../../schemas/errors.ts'
import { showMessage } from '../../../schemas/syncml/trace.ts'
import { createDatastorePasswords, type DatastorePasswords } from '../../../server/account/datastorePasswords.ts'
import { createEnabledCheck } from '../../../server/account/enabledCheck.ts'
import { createFailureLimits } from '../../../server/account/failureLimits.ts'
import { createServerPasswords, type ServerPasswords } from '../../../server/account/serverPasswords.ts'
import { type HealthJudge, openHealthJudge } from '../../../server/alerts/healthJudge.ts'
import { assembleCare } from '../../../server/assembleCare.ts'
import { assembleDelivery } from '../../../server/assembleDelivery.ts'
import { joinKeys } from '../../../server/assembleKeys.ts'
import { assemblePush, type PushAssembly } from '../../../server/assemblePush.ts'
import { assembleQuota } from '../../../server/assembleQuota.ts'
import { assembleTrace } from '../../../server/assembleTrace.ts'
import { createCopyGate } from '../../../server/backup/copyGate.ts'
import { reencryptCopyJob } from '../../../server/backup/reencryptCopy.ts'
import { createReencryption } from '../../../server/backup/reencryption.ts'
import type { DatabaseKey } from '../../../server/catalogue/catalogue.ts'
import { sqlAlerts } from '../../../server/catalogue/sqlite/alerts.ts'
import { sqlCopyKeys } from '../../../server/catalogue/sqlite/copyKeys.ts'
import { type DatabaseStores, sqlDatabaseStores } from '../../../server/catalogue/sqlite/databaseStores.ts'
import { sqlDatastorePasswords } from '../../../server/catalogue/sqlite/datastorePasswords.ts'
import { sqlInstallations } from '../../../server/catalogue/sqlite/installations.ts'
import { sqlKnownLogins } from '../../../server/catalogue/sqlite/knownLogins.ts'
import { type CatalogueDb, checkCatalogue, openCatalogue } from '../../../server/catalogue/sqlite/openCatalogue.ts'
import { sqlOwnLogins } from '../../../server/catalogue/sqlite/ownLogins.ts'
import { readConfig } from '../../../server/config/config.ts'
import type { DeliveryService } from '../../../server/delivery/deliveryService.ts'
import type { AccountErasure } from '../../../server/erasure/eraseAccount.ts'
import { accountHandlers } from '../../../server/http/accountHandlers.ts'
import { accountInternalHandlers } from '../../../server/http/accountInternalHandlers.ts'
import { createApp } from '../../../server/http/app.ts'
import { backupHandlers } from '../../../server/http/backupHandlers.ts'
import { datastoreHandlers } from '../../../server/http/datastoreHandlers.ts'
import { diffHandlers } from '../../../server/http/diffHandlers.ts'
import { fenceHandlers } from '../../../server/http/fenceHandlers.ts'
import { installationHandlers } from '../../../server/http/installationHandlers.ts'
import { notificationHandlers } from '../../../server/http/notificationHandlers.ts'
import type { HandleOmads } from '../../../server/http/omadsRoute.ts'
import { operatorHandlers } from '../../../server/http/operatorHandlers.ts'
import { pinHandlers } from '../../../server/http/pinHandlers.ts'
import { quotaHandlers } from '../../../server/http/quotaHandlers.ts'
import { serverPasswordHandlers } from '../../../server/http/serverPasswordHandlers.ts'
import { verifyHandlers } from '../../../server/http/verifyHandlers.ts'
import { createInstallationCare } from '../../../server/identity/installationCare.ts'
import { refusalFor } from '../../../server/identity/refusal.ts'
import type { KeyCare } from '../../../server/keys/keyCare.ts'
import { openKeyRing } from '../../../server/keys/openKeyRing.ts'
import { createLoggers } from '../../../server/logger.ts'
import { createMetrics } from '../../../server/metrics.ts'
import type { QuotaService } from '../../../server/quota/quotaService.ts'
import type { RestoreService } from '../../../server/restore/restoreService.ts'
import { openSegmentMapSigner } from '../../../server/restore/signSegmentMap.ts'
import { checkWritable } from '../../../server/storage/checkWritable.ts'
import { openFileSpool } from '../../../server/storage/fileSpool.ts'
import { openFileStorage } from '../../../server/storage/fileStorage.ts'
import type { DiffPoints } from '../../../server/timeMachine/diffs.ts'
import { createPinning, type Pinning } from '../../../server/timeMachine/pinning.ts'
import type { PlacedPoint } from '../../../server/timeMachine/timeMachine.ts'
import type { Tracer } from '../../../server/trace/tracer.ts'
import { describeCopyJob, digestCopyJob } from '../../../server/verify/digestCopy.ts'
import { createVerifyService, describeVerification, type VerifiedCopy } from '../../../server/verify/verifications.ts'
import { type LocalUnderTest, openLocal, SERVICE_SECRET } from '../account/accountParts.ts'
import { memoryImage } from './memoryImage.ts'

export interface Edge {
  healthOf(accountId: string): Promise<HealthJudge>
  readonly app: Express
  readonly local: LocalUnderTest
  readonly db: CatalogueDb
  readonly restores: RestoreService
  /** Of one point of a database. */
  readonly pinning: Pinning
  /** `contacts` can have one. */
  readonly datastorePasswords: DatastorePasswords
  readonly serverPasswords: ServerPasswords
  readonly push: PushAssembly
  readonly tracer: Tracer
  readonly deliveries: DeliveryService
  readonly quotas: QuotaService
  readonly keyCare: KeyCare & { readonly currentKeyId: string }
  readonly erasure: AccountErasure
  readonly stores: DatabaseStores
  verifyNow(key: DatabaseKey): Promise<VerifiedCopy>
  /** What the session engine was given last. */
  readonly omads: { last?: Parameters<HandleOmads>[0] }
  /** Lines that were logged. */
  readonly logged: string[]
  close(): Promise<void>
}

export const SEGMENT = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 256))
export const EPOCH = 'e'.repeat(32)
const POSITION = { lineage: 'a'.repeat(32), number: 3, token: 'b'.repeat(32) }

/** Nothing differs. */
export const noDiff: DiffPoints = async () => {
  const side = { point: 'latest', number: 3, takenAt: 1 }
  return { from: side, to: side, schema: [], moreObjects: 0, tables: [] }
}

/** Restores of exactly one device. */
function memoryRestores(deviceId: string): RestoreService {
  const own = (caller: { readonly deviceId: string }): void => {
    if (caller.deviceId !== deviceId) throw new CodedError('restore.unknown', 'no such restore')
  }
  return {
    async createRestore(caller, request) {
      if (request.database === 'breaks') throw new Error('a secret path')
      own(caller)
      return { restoreId: 'r1', segmentMap: 'a.b.c', contentKey: 'AAAA', segments: 1, sizeBytes: 10, ...POSITION }
    },
    async readSegment(caller) {
      own(caller)
      return { bytes: SEGMENT }
    },
    async completeRestore(caller) {
      own(caller)
      return POSITION
    },
    listPoints: async () => [{ point: 'latest', number: 3, lineage: POSITION.lineage, takenAt: 1, sizeBytes: 10 }],
  }
}

export async function openEdge(
  options: { corsOrigins?: readonly string[]; registration?: 'open' | 'closed' } = {},
): Promise<Edge> {
  const local = await openLocal()
  const { keyRing } = openKeyRing({ dataDir: local.dataDir })
  const db = await openCatalogue(local.dataDir, keyRing)
  const metrics = createMetrics({ withProcess: false })
  const omads: Edge['omads'] = {}
  const logged: string[] = []
  const accountService = local.service
  const stores = sqlDatabaseStores(db)
  const backupParts = {
    ...{ accountService, ...stores },
    restores: memoryRestores('IMEI:1'),
    healthOf: (accountId: string) =>
      openHealthJudge({ alerts: sqlAlerts(db), staleAfterMs: 36 * 3_600_000, clock: local.time.now }, accountId),
  }
  const latest: PlacedPoint = {
    ...{ ...POSITION, takenAt: 1, sizeBytes: 10, copy: { copyId: 'c', kind: 'sql', wrappedKey: '' } },
    ...{ isHead: true, isLatest: true, isPinned: false },
  }
  const pinning = createPinning({
    timeMachine: {
      listPoints: async (key) => {
        const [pin] = await backupParts.pins.list(key)
        return [pin === undefined ? latest : { ...latest, isPinned: true, pin }]
      },
    },
    ...{ pins: backupParts.pins, now: local.time.now },
  })
  const datastorePasswords = createDatastorePasswords({
    store: sqlDatastorePasswords(db),
    limits: createFailureLimits(),
    lockOf: (name) => (name === 'contacts' ? './contacts' : undefined),
  })
  const serverPasswords = createServerPasswords({ store: sqlOwnLogins(db), keyRing, accountService })
  const push = assemblePush({
    ...{ config: readConfig({}), secrets: {}, catalogue: db, knownLogins: sqlKnownLogins(db), accountService },
    ...{ loggers: createLoggers('silent'), serverId: 'nightferry-edge', clock: local.time.now },
  })
  push.start()
  const quota = assembleQuota({
    onRefused: () => undefined,
    ...{ config: readConfig({}), catalogue: db, metrics, log: createLoggers('silent').backup },
    ...{ clock: local.time.now, random: Math.random },
  })
  const tracer = assembleTrace({
    ...{ data: local.dataDir, catalogue: db, keyRing: openKeyRing({ dataDir: local.dataDir }).keyRing },
    ...{ clock: local.time.now, log: createLoggers('silent').omads, show: async (bytes) => showMessage(bytes) },
  })
  const config = readConfig({ NIGHTFERRY_DATA: local.dataDir })
  const keys = await joinKeys(config, {})
  const reencryption = createReencryption({
    ...{ copyKeys: sqlCopyKeys(db), keyRing: keys.keyRing, gate: createCopyGate(), bytesPerMinute: 0 },
    copyPath: (copyId) => join(local.dataDir, copyId),
    ...{ reencryptCopy: reencryptCopyJob, release: async () => undefined, now: local.time.now },
    ...{ pause: async () => undefined, onLeft: () => undefined, onDone: () => undefined, onFailure: () => undefined },
  })
  const care = await assembleCare({
    reencryption,
    ...{ config, secrets: {}, keys, catalogue: db, limits: createFailureLimits(), clock: local.time.now },
    accounts: { service: accountService, local: undefined, keyUses: [], close: async () => undefined },
    ...{ spool: openFileSpool(join(local.dataDir, 'spool'), keyRing), log: createLoggers('silent').keys },
  })
  const verifyNow = async (key: DatabaseKey): Promise<VerifiedCopy> => {
    const found = await backupParts.verifications.find(key)
    if (found === undefined) throw new CodedError('database.unknown', 'there is no copy')
    return { result: 'proven', verification: describeVerification(found) }
  }
  const verify = createVerifyService({
    ...{ databases: backupParts.databases, verifications: backupParts.verifications, keyRing, now: local.time.now },
    copyPath: (copyId) => join(local.dataDir, copyId),
    jobs: { describeCopy: describeCopyJob, digestCopy: digestCopyJob },
  })
  const deliveries = assembleDelivery({
    ...{ catalogue: db, keyRing, keepMs: 3_600_000, clock: local.time.now, onSegment: () => undefined },
    ...{ storage: openFileStorage(join(local.dataDir, 'storage')), onStandstill: () => undefined },
    signer: await openSegmentMapSigner(openFileStorage(join(local.dataDir, 'storage')), keyRing),
    images: {
      orderImage: async ({ key }) => memoryImage(key.name, keyRing),
      removeImage: async () => undefined,
    },
  })
  const app = createApp({
    epoch: EPOCH,
    handlers: {
      ...verifyHandlers({ accountService, verify, verifyNow, epoch: EPOCH }),
      ...accountHandlers({
        accountService,
        limits: createFailureLimits(),
        registration: options.registration ?? 'open',
        metrics,
      }),
      ...accountInternalHandlers(accountService),
      ...backupHandlers(backupParts),
      ...diffHandlers({ accountService, diff: noDiff }),
      ...pinHandlers({ accountService, pinning }),
      ...datastoreHandlers({ accountService, passwords: datastorePasswords }),
      ...serverPasswordHandlers({ accountService, passwords: serverPasswords, serverId: 'nightferry-test' }),
      ...fenceHandlers(accountService, deliveries.dismiss),
      ...deliveries.handlers(accountService, async (_caller, found) => found),
      ...installationHandlers(
        accountService,
        createInstallationCare({
          ...{ installations: sqlInstallations(db), clock: local.time.now, onClone: () => undefined },
        }),
      ),
      testAlerts: async () => ({ ports: [] }),
      ...notificationHandlers(push.answerPoll),
      ...quotaHandlers({ accountService, quotas: quota.service }),
      ...care.handlers,
      ...operatorHandlers({
        ...{ ...backupParts, allowEmpty: async () => undefined, wake: push.wake, tracer },
        prune: async () => ({ databases: [], failed: 0 }),
      }),
    },
    handleOmads: async (request) => {
      omads.last = request
      return { status: 200, contentType: 'application/vnd.syncml+wbxml', bytes: Buffer.from([1, 2, 3]) }
    },
    verifyToken: accountService.verifyToken,
    isEnabled: createEnabledCheck(accountService, local.time.now),
    refusalFor: (claims) => refusalFor(accountService, claims),
    serviceSecret: SERVICE_SECRET,
    readiness: { catalogue: () => checkCatalogue(db), storage: () => checkWritable(local.dataDir) },
    metrics,
    log: createLoggers('warn', { write: (line) => void logged.push(line) }).http,
    corsOrigins: options.corsOrigins ?? [],
    trustProxy: 0,
  })
  let open = true
  return {
    app,
    local,
    db,
    restores: backupParts.restores,
    healthOf: backupParts.healthOf,
    pinning,
    datastorePasswords,
    serverPasswords,
    push,
    tracer,
    deliveries,
    quotas: quota.service,
    keyCare: { ...care.keyCare, currentKeyId: keyRing.currentKeyId },
    erasure: care.erasure,
    stores,
    verifyNow,
    omads,
    logged,
    async close() {
      if (!open) return
      open = false
      push.release()
      await push.close()
      await db.destroy()
      keys.lock.close()
      await local.close()
    },
  }
}
