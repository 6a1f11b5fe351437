/** Builds the re-encryption of copies over the catalogue and the worker pool. Part of `assemble.ts`. */

import { setTimeout as pause } from 'node:timers/promises'
import type { CopyGate } from './backup/copyGate.ts'
import { createReencryption, type Reencryption } from './backup/reencryption.ts'
import { ACCOUNT_DEVICE } from './catalogue/catalogue.ts'
import { sqlCopyKeys } from './catalogue/sqlite/copyKeys.ts'
import type { CatalogueDb } from './catalogue/sqlite/openCatalogue.ts'
import type { Config } from './config/config.ts'
import type { ItemCopy } from './items/itemCopy.ts'
import type { FileKeyRing } from './keys/fileKeyRing.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import type { UsageMeter } from './quota/usageMeter.ts'
import type { WorkerPool } from './worker/workerPool.ts'

const MEGABYTE = 1024 * 1024

export interface ReencryptionAssemblyParts {
  readonly config: Pick<Config, 'reencryptMbPerMinute'>
  readonly catalogue: CatalogueDb
  readonly keyRing: FileKeyRing
  readonly gate: CopyGate
  readonly pool: WorkerPool
  readonly itemCopy: Pick<ItemCopy, 'release'>
  readonly meter: Pick<UsageMeter, 'forget'>
  readonly metrics: Pick<Metrics, 'waitForReencryptionAre'>
  readonly log: Logger
  copyPath(copyId: string): string
  clock(): number
}

/** Nothing is begun yet. */
export function assembleReencryption(parts: ReencryptionAssemblyParts): Reencryption {
  const { config, catalogue, keyRing, gate, pool, itemCopy, meter, metrics, log, copyPath, clock } = parts
  return createReencryption({
    ...{ copyKeys: sqlCopyKeys(catalogue), keyRing, gate, copyPath, now: clock },
    bytesPerMinute: config.reencryptMbPerMinute * MEGABYTE,
    reencryptCopy: (input, owner) => pool.run('reencryptCopy', input, { owner }),
    release: async ({ accountId, deviceId }) => {
      if (deviceId === ACCOUNT_DEVICE) await itemCopy.release(accountId)
    },
    pause: (ms, signal) => pause(ms, undefined, { signal, ref: false }).catch(() => undefined),
    onLeft: ({ leftCopies }) => metrics.waitForReencryptionAre(leftCopies),
    onDone: ({ accountId, deviceId, name, sizeBytes }, { leftCopies, leftBytes }) => {
      // Its copies have other ids now.
      meter.forget(accountId)
      log.info('copy encrypted anew', { accountId, deviceId, database: name, sizeBytes, leftCopies, leftBytes })
    },
    onFailure: ({ accountId, deviceId, name, copyId }, error) =>
      log.error('a copy was not encrypted anew', { accountId, deviceId, database: name, copyId, error }),
  })
}
