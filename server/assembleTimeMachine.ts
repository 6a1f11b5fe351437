/**
 * Builds what keeps older states: the time machine over the catalogue, and the daily dropping of points.
 * Part of `assemble.ts`.
 */

import type { PruneReport } from '../schemas/http/operator.ts'
import type { AccountService } from './account/accountService.ts'
import type { DatabaseKey, Databases, PastCopies } from './catalogue/catalogue.ts'
import type { Config } from './config/config.ts'
import type { KeyRing } from './keys/keyRing.ts'
import type { Logger } from './logger.ts'
import { isDailyDue } from './timeMachine/dailyAt.ts'
import { type DroppedPoints, dropOldPoints } from './timeMachine/dropOldPoints.ts'
import { parseRetention } from './timeMachine/retention.ts'
import { createTimeMachine, type TimeMachine } from './timeMachine/timeMachine.ts'
import type { WorkerPool } from './worker/workerPool.ts'

export interface TimeMachineAssembly {
  readonly machine: TimeMachine
  /** Drops the restore points that the policy does not keep, or says which those are (TM-9, TM-10). */
  prune(dryRun: boolean): Promise<PruneReport>
  /** The same if the hour of it came; resolves at once if not. */
  pruneDaily(): Promise<void>
  /** Ends a daily round after the database at hand. */
  close(): Promise<void>
}

export interface TimeMachineAssemblyParts {
  readonly config: Pick<Config, 'keep' | 'pruneHour'>
  readonly databases: Databases
  readonly pastCopies: PastCopies
  readonly keyRing: KeyRing
  readonly accounts: Pick<AccountService, 'listAccounts'>
  readonly pool: WorkerPool
  readonly log: Logger
  copyPath(copyId: string): string
  clock(): number
}

/** @throws {CodedError} `config.invalid` if the policy cannot be read. */
export function assembleTimeMachine(parts: TimeMachineAssemblyParts): TimeMachineAssembly {
  const { config, databases, pastCopies, keyRing, pool, log, copyPath, clock } = parts
  const policy = parseRetention(config.keep)
  const machine = createTimeMachine({
    ...{ databases, pastCopies, keyRing, copyPath, now: clock },
    jobs: {
      listPast: (input, owner) => pool.run('listPast', input, { owner }),
      copyCopy: (input, owner) => pool.run('copyCopy', input, { owner }),
      dropPast: (input, owner) => pool.run('dropPast', input, { owner }),
    },
  })
  let isStopped = false
  const prune = async (dryRun: boolean): Promise<PruneReport> => {
    let failed = 0
    const onFailure = (key: DatabaseKey, cause: unknown): void => {
      failed++
      log.error('restore points could not be looked at', { ...key, error: cause })
    }
    const names = new Map((await parts.accounts.listAccounts()).map(({ accountId, name }) => [accountId, name]))
    const found: PruneReport['databases'][number][] = []
    const dropping = { timeMachine: machine, databases, policy, now: clock, onFailure }
    for await (const done of dropOldPoints(dropping, { dryRun, stopped: () => isStopped }))
      if (done.points.some(({ reasons }) => reasons.length === 0))
        found.push(describe(done, names.get(done.accountId) ?? done.accountId))
    return { databases: found, failed }
  }
  let lastMs = clock()
  let running: Promise<void> | undefined
  const round = async (): Promise<void> => {
    const { databases: done, failed } = await prune(false)
    const points = done.flatMap((database) => database.points).filter(({ reasons }) => reasons.length === 0).length
    const freedBytes = done.reduce((sum, database) => sum + database.freedBytes, 0)
    log.info('restore points dropped', { databases: done.length, points, freedBytes, failed })
  }
  return {
    machine,
    prune,
    pruneDaily: async () => {
      if (running !== undefined || !isDailyDue(lastMs, clock(), config.pruneHour)) return
      lastMs = clock()
      running = round().catch((error: unknown) => log.error('dropping restore points failed', { error }))
      await running
      running = undefined
    },
    close: async () => {
      isStopped = true
      await running
    },
  }
}

function describe(done: DroppedPoints, accountName: string): PruneReport['databases'][number] {
  const { deviceId, name, freedBytes } = done
  const points = done.points.map(({ point: { token, number, takenAt }, reasons }) => ({
    point: token,
    number,
    takenAt,
    reasons,
  }))
  return { accountName, deviceId, name, points, freedBytes }
}
