/**
 * What the server does once a day, at the operator's hour: it drops old restore points and proves copies (TM-10, RS-19).
 * Part of `assemble.ts`.
 */

import type { DatabaseKey, Databases } from './catalogue/catalogue.ts'
import type { CatalogueDb } from './catalogue/sqlite/openCatalogue.ts'
import { sqlProofs } from './catalogue/sqlite/proofs.ts'
import type { Config } from './config/config.ts'
import type { KeyRing } from './keys/keyRing.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { proveOldest } from './restore/proofs.ts'
import { isDailyDue } from './timeMachine/dailyAt.ts'
import type { Jobs } from './worker/worker.ts'
import type { WorkerPool } from './worker/workerPool.ts'

const MEGABYTE = 1024 * 1024

export interface NightWork {
  /** Does it if its hour came, and resolves when it is done; at once if not. Failures are logged. */
  doIfDue(): Promise<void>
  /** Begins no other database; resolves when the one at hand is done. */
  close(): Promise<void>
}

export interface NightParts {
  readonly config: Pick<Config, 'nightHour' | 'proveMb'>
  readonly catalogue: CatalogueDb
  readonly databases: Databases
  readonly keyRing: KeyRing
  readonly pool: WorkerPool
  readonly log: Logger
  readonly metrics: Metrics
  copyPath(copyId: string): string
  imagePath(imageId: string): string
  clock(): number
  /** Drops what the policy does not keep, until it is `stopped`. */
  prune(stopped: () => boolean): Promise<void>
}

/** The night's work; nothing is done yet. */
export function assembleNight(parts: NightParts): NightWork {
  const { config, databases, keyRing, pool, log, metrics, copyPath, imagePath, clock } = parts
  const proofs = sqlProofs(parts.catalogue)
  let isStopped = false
  const stopped = (): boolean => isStopped
  const prove = async (): Promise<void> => {
    const proving = {
      ...{ databases, proofs, keyRing, copyPath, imagePath, now: clock },
      jobs: {
        proveCopy: (input: Jobs['proveCopy']['input'], owner: DatabaseKey) => pool.run('proveCopy', input, { owner }),
      },
      onFailure: (key: object, error: unknown) => log.error('a copy cannot be restored', { ...key, error }),
    }
    log.info('copies proven', { ...(await proveOldest(proving, config.proveMb * MEGABYTE, stopped)) })
    metrics.unprovenAre(await proofs.countFailed())
  }
  const work = async (): Promise<void> => {
    await parts.prune(stopped).catch((error: unknown) => log.error('dropping restore points failed', { error }))
    await prove().catch((error: unknown) => log.error('proving copies failed', { error }))
  }
  let lastMs = clock()
  let running: Promise<void> | undefined
  return {
    doIfDue: async () => {
      if (running !== undefined || !isDailyDue(lastMs, clock(), config.nightHour)) return
      lastMs = clock()
      running = work()
      await running
      running = undefined
    },
    close: async () => {
      isStopped = true
      await running
    },
  }
}
