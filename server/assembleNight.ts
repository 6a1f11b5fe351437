/**
 * What the server does once a day, at the operator's hour: it drops old restore points, reads its own databases and
 * proves copies (TM-10, RS-19, RS-21). Part of `assemble.ts`.
 */

import { join } from 'node:path'
import { toHex } from '../schemas/hex.ts'
import type { DatabaseKey, Databases, PastCopies, Proofs } from './catalogue/catalogue.ts'
import { keyOfFile } from './catalogue/sqlite/openSqliteFile.ts'
import type { Config } from './config/config.ts'
import type { KeyRing } from './keys/keyRing.ts'
import type { Logger } from './logger.ts'
import { type ProofParts, proveOldest, proveOne } from './restore/proofs.ts'
import { isDailyDue } from './timeMachine/dailyAt.ts'
import type { Jobs } from './worker/worker.ts'
import type { WorkerPool } from './worker/workerPool.ts'

const MEGABYTE = 1024 * 1024

export interface NightWork {
  /** Does it if its hour came, and resolves when it is done; at once if not. Failures are logged. */
  doIfDue(): Promise<void>
  /** Proves one database now; what was found is kept. */
  proveNow(key: DatabaseKey): ReturnType<typeof proveOne>
  /** Begins no other database; resolves when the one at hand is done. */
  close(): Promise<void>
}

export interface NightParts {
  readonly config: Pick<Config, 'nightHour' | 'proveMb' | 'data'>
  readonly proofs: Proofs
  readonly pastCopies: PastCopies
  readonly databases: Databases
  readonly keyRing: KeyRing
  readonly pool: WorkerPool
  readonly log: Logger
  copyPath(copyId: string): string
  imagePath(imageId: string): string
  clock(): number
  /** Drops what the policy does not keep, until it is `stopped`. */
  prune(stopped: () => boolean): Promise<void>
  /** A database of the server's own is damaged. */
  onDamage(what: string, found: string): void
}

/** The server's own databases. */
const OWN = ['catalogue', 'accounts'] as const

/** The night's work; nothing is done yet. */
export function assembleNight(parts: NightParts): NightWork {
  const { config, databases, pastCopies, proofs, keyRing, pool, log, copyPath, imagePath, clock } = parts
  let isStopped = false
  const stopped = (): boolean => isStopped
  const proving: ProofParts = {
    ...{ databases, pastCopies, proofs, keyRing, copyPath, imagePath, now: clock },
    jobs: {
      proveCopy: (input: Jobs['proveCopy']['input'], owner: DatabaseKey) => pool.run('proveCopy', input, { owner }),
    },
    onFailure: (key, error) => log.error('a copy cannot be restored', { ...key, error }),
  }
  const prove = async (): Promise<void> => {
    log.info('copies proven', { ...(await proveOldest(proving, config.proveMb * MEGABYTE, stopped)) })
  }
  const check = async (what: (typeof OWN)[number]): Promise<void> => {
    const path = join(config.data, `${what}.sqlite`)
    const key = keyOfFile({ path, context: what }, keyRing)
    if (key === undefined) return
    const found = await pool.run('checkFile', { path, key: toHex(key) }, {})
    if (found !== undefined) parts.onDamage(what, found)
  }
  const work = async (): Promise<void> => {
    await parts.prune(stopped).catch((error: unknown) => log.error('dropping restore points failed', { error }))
    for (const what of OWN)
      await check(what).catch((error: unknown) =>
        log.error('a database of the server could not be read', { what, error }),
      )
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
    proveNow: (key) => proveOne(proving, { ...key, sizeBytes: 0 }),
    close: async () => {
      isStopped = true
      await running
    },
  }
}
