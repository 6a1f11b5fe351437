/**
 * Builds what keeps older states: the time machine over the catalogue, and the dropping of points.
 * Part of `assemble.ts`.
 */

import type { PruneReport } from '../schemas/http/operator.ts'
import type { AccountService } from './account/accountService.ts'
import type { CopyGate } from './backup/copyGate.ts'
import type { DatabaseKey, Databases, PastCopies } from './catalogue/catalogue.ts'
import type { Pins } from './catalogue/pins.ts'
import type { Config } from './config/config.ts'
import type { KeyRing } from './keys/keyRing.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { removeSqliteFile } from './sql/removeSqliteFile.ts'
import { createDiffs, type DiffPoints } from './timeMachine/diffs.ts'
import { type DroppedPoints, dropOfOne, dropOldPoints } from './timeMachine/dropOldPoints.ts'
import { createPinning, type Pinning } from './timeMachine/pinning.ts'
import { parseRetention } from './timeMachine/retention.ts'
import { createTimeMachine, type TimeMachine } from './timeMachine/timeMachine.ts'
import type { WorkerPool } from './worker/workerPool.ts'

export interface TimeMachineAssembly {
  readonly machine: TimeMachine
  readonly pinning: Pinning
  readonly diff: DiffPoints
  /** Drops the restore points that the policy does not keep, or says which those are (TM-9, TM-10). */
  prune(dryRun: boolean): Promise<PruneReport>
  /** The same in the background, until it is `stopped`; the log says what was done. */
  pruneRound(stopped: () => boolean): Promise<void>
}

export interface TimeMachineAssemblyParts {
  readonly config: Pick<Config, 'keep'>
  readonly databases: Databases
  readonly pastCopies: PastCopies
  readonly pins: Pins
  readonly keyRing: KeyRing
  readonly gate: CopyGate
  readonly accounts: Pick<AccountService, 'listAccounts'>
  readonly pool: WorkerPool
  readonly log: Logger
  readonly metrics: Pick<Metrics, 'guardTripped'>
  copyPath(copyId: string): string
  imagePath(imageId: string): string
  clock(): number
}

/** @throws {CodedError} `config.invalid` if the policy cannot be read. */
export function assembleTimeMachine(parts: TimeMachineAssemblyParts): TimeMachineAssembly {
  const { config, databases, pastCopies, pins, keyRing, pool, log, copyPath, clock } = parts
  const policy = parseRetention(config.keep)
  const machine = createTimeMachine({
    ...{ databases, pastCopies, pins, keyRing, copyPath, now: clock, gate: parts.gate },
    onCrowd: (key) => void thin(key),
    onDamage: (key, copyId, error) => log.error('a copy does not say what it remembers', { ...key, copyId, error }),
    onGuard: (key, outcome) => {
      parts.metrics.guardTripped(outcome)
      if (outcome === 'pinned')
        log.warn('a table lost most of its rows; the restore point before it is pinned', { ...key })
      else log.warn('a table lost most of its rows; too many points are pinned to pin the one before it', { ...key })
    },
    jobs: {
      listPast: (input, owner) => pool.run('listPast', input, { owner }),
      copyCopy: (input, owner) => pool.run('copyCopy', input, { owner }),
      dropPast: (input, owner) => pool.run('dropPast', input, { owner }),
    },
  })
  const crowded = new Set<string>()
  const thin = async (key: DatabaseKey): Promise<void> => {
    const name = JSON.stringify([key.accountId, key.deviceId, key.name])
    if (crowded.has(name)) return
    crowded.add(name)
    const failed = (_: DatabaseKey, error: unknown): void =>
      log.error('restore points were not dropped', { ...key, error })
    const dropping = { timeMachine: machine, databases, policy, now: clock, onFailure: failed }
    await dropOfOne(dropping, key, false).catch((error: unknown) => failed(key, error))
    crowded.delete(name)
  }
  const prune = async (dryRun: boolean, stopped = () => false): Promise<PruneReport> => {
    let failed = 0
    const onFailure = (key: DatabaseKey, cause: unknown): void => {
      failed++
      log.error('restore points could not be looked at', { ...key, error: cause })
    }
    const names = new Map((await parts.accounts.listAccounts()).map(({ accountId, name }) => [accountId, name]))
    const found: PruneReport['databases'][number][] = []
    const dropping = { timeMachine: machine, databases, policy, now: clock, onFailure }
    for await (const done of dropOldPoints(dropping, { dryRun, stopped }))
      if (done.points.some(({ reasons }) => reasons.length === 0))
        found.push(describe(done, names.get(done.accountId) ?? done.accountId))
    return { databases: found, failed }
  }
  const pruneRound = async (stopped: () => boolean): Promise<void> => {
    const { databases: done, failed } = await prune(false, stopped)
    const points = done.flatMap((database) => database.points).filter(({ reasons }) => reasons.length === 0).length
    const freedBytes = done.reduce((sum, database) => sum + database.freedBytes, 0)
    log.info('restore points dropped', { databases: done.length, points, freedBytes, failed })
  }
  const pinning = createPinning({ timeMachine: machine, pins, now: clock })
  const diff = createDiffs({
    ...{ timeMachine: machine, keyRing, copyPath, imagePath: parts.imagePath, removeScratch: removeSqliteFile },
    runJob: (input, owner) => pool.run('diff', input, { owner }),
  })
  return { machine, pinning, diff, prune: (dryRun) => prune(dryRun), pruneRound }
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
