/**
 * Builds what keeps and gives back copies: storage, spool, worker pool, copies, restores, datastores.
 * Part of `assemble.ts`.
 */

import { mkdirSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError } from '../schemas/errors.ts'
import type { AccountService } from './account/accountService.ts'
import type { AlertAssembly } from './assembleAlerts.ts'
import { assembleDelivery, type DeliveryAssembly } from './assembleDelivery.ts'
import { assembleNight, type NightWork } from './assembleNight.ts'
import type { QuotaAssembly } from './assembleQuota.ts'
import { assembleReencryption } from './assembleReencryption.ts'
import { assembleTimeMachine, type TimeMachineAssembly } from './assembleTimeMachine.ts'
import { createArrivals } from './backup/arrivals.ts'
import { type BackupEvent, createCopies } from './backup/copies.ts'
import { createCopyGate } from './backup/copyGate.ts'
import type { Reencryption } from './backup/reencryption.ts'
import type { DatabaseKey, Databases, Proofs } from './catalogue/catalogue.ts'
import type { Pins } from './catalogue/pins.ts'
import type { CatalogueDb } from './catalogue/sqlite/openCatalogue.ts'
import { sqlPastCopies } from './catalogue/sqlite/pastCopies.ts'
import { sqlRestores } from './catalogue/sqlite/restores.ts'
import type { Verifications } from './catalogue/verifications.ts'
import { readBackupLimits } from './config/backupLimits.ts'
import type { Config } from './config/config.ts'
import { imageIdOf } from './datastore/databaseDatastore.ts'
import type { DatastoreRegistry, Peer } from './datastore/datastore.ts'
import { createDatastoreRegistry } from './datastore/registry.ts'
import { readConflictPolicies } from './items/conflictPolicy.ts'
import { createItemCopy } from './items/itemCopy.ts'
import { createItemRegistry } from './items/itemRegistry.ts'
import type { FileKeyRing } from './keys/fileKeyRing.ts'
import type { createLoggers } from './logger.ts'
import type { Metrics } from './metrics.ts'
import type { SessionStore } from './omads/sessionStore.ts'
import { guardDatastores } from './quota/guardDatastores.ts'
import type { WorkWaits } from './quota/overload.ts'
import { countRestores } from './restore/countedRestores.ts'
import { createFileImages } from './restore/fileImages.ts'
import type { RestoreService } from './restore/restoreService.ts'
import { createRestores } from './restore/restores.ts'
import { openSegmentMapSigner } from './restore/signSegmentMap.ts'
import { removeStrayImages } from './restore/strayImages.ts'
import { openFileSpool } from './storage/fileSpool.ts'
import { openFileStorage, removeUnfinished } from './storage/fileStorage.ts'
import type { Spool } from './storage/spool.ts'
import { createVerifyService, type VerifyService } from './verify/verifications.ts'
import { createWorkerPool } from './worker/workerPool.ts'

export interface BackupAssembly {
  readonly registry: DatastoreRegistry
  readonly spool: Spool
  readonly restores: RestoreService & { sweep(): Promise<void> }
  readonly deliveries: DeliveryAssembly
  /** Lets a device empty a datastore of Items, or be emptied by it, once (IT-11). @throws {CodedError} `datastore.unknown`. */
  allowEmpty(peer: Peer, datastore: string, allowed: boolean): Promise<void>
  /** What the password of a datastore is kept under (OM-35), by any name clients use for it; undefined if it has none. */
  lockOf(datastore: string): string | undefined
  /** Removes what a killed server left: copies and images that neither a row nor `sessions` name. Before anything runs. */
  removeStrays(sessions: SessionStore): Promise<void>
  readonly timeMachine: Pick<TimeMachineAssembly, 'prune' | 'pinning' | 'diff'>
  readonly night: NightWork
  readonly verify: VerifyService
  readonly reencryption: Reencryption
  /** Has a worker process ready from now on. */
  keepWarm(): void
  /** How long work has waited for its turn (QT-13). */
  waits(): WorkWaits
  close(): Promise<void>
}

export interface BackupAssemblyParts {
  readonly config: Config
  readonly catalogue: CatalogueDb
  readonly databases: Databases
  readonly proofs: Proofs
  readonly pins: Pins
  readonly verifications: Verifications
  readonly accounts: Pick<AccountService, 'listAccounts'>
  readonly quota: Pick<QuotaAssembly, 'service' | 'meter'>
  readonly keyRing: FileKeyRing
  readonly loggers: ReturnType<typeof createLoggers>
  readonly metrics: Metrics
  readonly clock: () => number
  readonly alerts: Pick<AlertAssembly, 'backupRefused' | 'tableEmptied' | 'serverDamaged'>
}

export async function assembleBackups(parts: BackupAssemblyParts): Promise<BackupAssembly> {
  const { config, databases, keyRing } = parts
  const limits = readBackupLimits(config)
  const folder = (name: string): string => join(config.data, name)
  for (const name of ['copies', 'images']) mkdirSync(folder(name), { recursive: true, mode: 0o700 })
  const storageFolder = folder('storage')
  const storage = openFileStorage(storageFolder)
  const fileSpool = openFileSpool(folder('spool'), keyRing)
  const pool = createWorkerPool({
    timeoutMs: config.workerTimeoutMs,
    maxRssBytes: config.workerMemoryMb * 1024 * 1024,
    ...(config.rehearse === 'on' && { rehearsalFolder: folder('rehearsal') }),
  })
  const copyPath = (copyId: string): string => join(folder('copies'), `${copyId}.db`)
  const imagePath = (imageId: string): string => join(folder('images'), `${imageId}.image`)
  const arrivals = createArrivals({ keyRing, copyPath, receive: (input) => pool.attend('receiveFile', input) })
  const spool: Spool = {
    ...fileSpool,
    remove: (spoolId) => {
      arrivals.drop(spoolId)
      return fileSpool.remove(spoolId)
    },
  }
  const { service: quotas, meter } = parts.quota
  const pastCopies = meter.meterPastCopies(sqlPastCopies(parts.catalogue))
  const gate = createCopyGate()
  const timeMachine = assembleTimeMachine({
    ...{ gate, config, databases, pastCopies, keyRing, pool, copyPath, imagePath, log: parts.loggers.backup },
    ...{ accounts: parts.accounts, pins: parts.pins, metrics: parts.metrics, clock: parts.clock },
  })
  const night = assembleNight({
    ...{ config, databases, pastCopies, proofs: parts.proofs, keyRing, pool, copyPath, imagePath },
    ...{ log: parts.loggers.backup, clock: parts.clock, prune: timeMachine.pruneRound },
    onDamage: (what, found) => {
      parts.loggers.server.error('a database of the server is damaged', { what, found })
      parts.alerts.serverDamaged(what, found)
    },
  })
  const keepsPast = config.timeMachine !== 'off'
  const copies = createCopies({
    ...{ databases, keyRing, copyPath, arrivals, gate },
    ...(keepsPast && { past: timeMachine.machine }),
    admit: (built, old) => {
      // What is put aside stays beside it; what is replaced makes room.
      const bytes = built.sizeBytes - (keepsPast ? 0 : (old?.sizeBytes ?? 0))
      return quotas.admit(built, { kind: 'whole', isNew: old === undefined, bytes })
    },
    now: parts.clock,
    jobs: {
      applyDelta: (input, owner) => countRefusal(parts, owner, pool.run('applyDelta', input, { owner })),
      importFile: (input, owner) => countRefusal(parts, owner, pool.run('importFile', input, { owner })),
    },
    onBackup: (event) => reportBackup(parts, event),
  })
  const images = createFileImages({
    keyRing,
    databases,
    copyPath,
    imagePath,
    jobs: { buildPlainImage: (input, owner) => pool.run('buildPlainImage', input, { owner }) },
  })
  const restoreRows = sqlRestores(parts.catalogue)
  const signer = await openSegmentMapSigner(storage, keyRing)
  const keepMs = config.restoreLifeHours * 3_600_000
  const restores = createRestores({
    ...{ databases, restores: restoreRows, keyRing, storage, signer, keepMs },
    jobs: {
      buildImage: (input, owner) => pool.run('buildImage', { ...input, storageFolder }, { owner }),
      importImage: (input, owner) => pool.run('importImage', { ...input, storageFolder }, { owner }),
      adoptPosition: (input, owner) => pool.run('adoptPosition', input, { owner }),
      proveCopy: (input, owner) => pool.run('proveCopy', input, { owner }),
    },
    onDamage: (key, error) => parts.loggers.backup.error('a state cannot be restored', { ...key, error }),
    timeMachine: timeMachine.machine,
    ...{ gate, keepsPast, copyPath, imagePath, now: parts.clock },
  })
  const deliveries = assembleDelivery({
    ...{ catalogue: parts.catalogue, keyRing, storage, signer, images: restores, keepMs, clock: parts.clock },
    onSegment: (sizeBytes) => parts.metrics.segmentSent(sizeBytes),
    onStandstill: (error) => parts.loggers.server.error('a Delivery stands still', { error }),
  })
  const itemCopy = createItemCopy({
    ...{ databases, keyRing, copyPath, gate, now: parts.clock, keepsPast },
    runJob: (input, owner) => pool.run('items', input, { owner }),
  })
  const reencryption = assembleReencryption({
    ...{ config, catalogue: parts.catalogue, keyRing, gate, pool, itemCopy, meter, copyPath },
    ...{ metrics: parts.metrics, log: parts.loggers.keys, clock: parts.clock },
  })
  const items = createItemRegistry({ copy: itemCopy, spool, policyOf: readConflictPolicies(config.conflictPolicy) })
  return {
    registry: guardDatastores(
      createDatastoreRegistry(
        { copies, spool, images, arrivals, limits, maxObjectBytes: config.maxObjectMb * 1024 * 1024 },
        items,
      ),
      quotas,
    ),
    spool,
    restores: {
      ...countRestores(restores, parts.metrics),
      sweep: async () => {
        await restores.sweep()
        await deliveries.sweep()
      },
    },
    deliveries,
    allowEmpty: async (peer, datastore, allowed) => {
      if (await items.find(datastore)?.allowEmpty(peer, allowed)) return
      throw new CodedError('datastore.unknown', `the device never synchronized ${datastore}`, {
        next: 'Name a datastore as the device does, e.g. contacts.',
      })
    },
    lockOf: (datastore) => items.find(datastore)?.lock,
    removeStrays: async (sessions) => {
      const named = new Set([...(await databases.listCopyIds()), ...(await pastCopies.listCopyIds())])
      for (const file of await readdir(folder('copies'))) {
        const copyId = file.split('.')[0] ?? ''
        if (!named.has(copyId) || /\.(source|building)/.test(file))
          await rm(join(folder('copies'), file), { force: true })
      }
      await removeUnfinished(storageFolder)
      await rm(folder('rehearsal'), { recursive: true, force: true })
      const rows = [...(await restoreRows.listImageIds()), ...(await deliveries.listImageIds())]
      const owned = new Set([...rows, ...(await sessionImageIds(sessions))])
      await removeStrayImages({ imageFolder: folder('images'), storage }, owned)
    },
    timeMachine,
    night,
    reencryption,
    verify: createVerifyService({
      ...{ databases, verifications: parts.verifications, keyRing, copyPath, now: parts.clock },
      jobs: {
        describeCopy: (input, owner) => pool.run('describeCopy', input, { owner }),
        digestCopy: (input, owner) => pool.run('digestCopy', input, { owner }),
      },
    }),
    keepWarm: () => pool.keepWarm(),
    waits: () => pool.waits(),
    close: async () => {
      // Its jobs end with the pool; then it has nothing left to write down.
      const nightEnded = Promise.all([night.close(), reencryption.close()])
      await images.close()
      await pool.close()
      await nightEnded
    },
  }
}

/** Images that sessions read from which a restart of the server interrupted. */
async function sessionImageIds(sessions: SessionStore): Promise<string[]> {
  const records = await sessions.listIdle(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
  return records
    .flatMap(({ state }) => ('links' in state ? state.links : []))
    .flatMap((link) => imageIdOf(link.state) ?? [])
}

/** Counts work on a backup that was refused, by its code. */
async function countRefusal<T>(
  { metrics, alerts }: BackupAssemblyParts,
  owner: DatabaseKey,
  work: Promise<T>,
): Promise<T> {
  try {
    return await work
  } catch (cause) {
    if (cause instanceof CodedError) {
      metrics.backupRefused(cause.code)
      alerts.backupRefused(owner, cause.code)
    }
    throw cause
  }
}

function reportBackup({ loggers, metrics, alerts }: BackupAssemblyParts, event: BackupEvent): void {
  const { accountId, deviceId, name, mode, outcome, puts, deletes, durationMs, emptied, receivedBytes } = event
  metrics.backupApplied(outcome === 'duplicate' ? 'duplicate' : mode, receivedBytes, durationMs)
  loggers.backup.info('backup taken', { accountId, deviceId, database: name, mode, outcome, puts, deletes, durationMs })
  if (emptied.length > 0) {
    // The guard of the design: it is applied, but somebody shall look.
    loggers.backup.warn('a table lost most of its rows', { accountId, deviceId, database: name, tables: emptied })
    alerts.tableEmptied({ accountId, deviceId, name })
  }
}
