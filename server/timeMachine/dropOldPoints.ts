/**
 * Drops the restore points that the operator's policy does not keep, database after database (TM-9, TM-10). It may be
 * ended anywhere: what was dropped is dropped as a whole, the rest waits for the next time.
 */

import { CodedError } from '../../schemas/errors.ts'
import type { DatabaseKey, Databases } from '../catalogue/catalogue.ts'
import { decideRetention, type RetentionPolicy, type RetentionVerdict } from './retention.ts'
import { momentOf, type PlacedPoint, type TimeMachine } from './timeMachine.ts'

export interface DropOldParts {
  readonly timeMachine: TimeMachine
  readonly databases: Pick<Databases, 'listKeys'>
  readonly policy: RetentionPolicy
  now(): number
  /** A database whose points could not be looked at; the others go on. */
  onFailure(key: DatabaseKey, cause: unknown): void
}

/** What became of one database's points, or would. */
export interface DroppedPoints extends DatabaseKey {
  readonly points: readonly {
    readonly point: PlacedPoint
    /** What keeps it; none if it is dropped. */
    readonly reasons: readonly string[]
  }[]
  /** Octets given back, or free for what comes; 0 if nothing was to be done. */
  readonly freedBytes: number
}

/** Goes through all databases; with `dryRun` nothing is dropped. `stopped` ends it after the database at hand. */
export async function* dropOldPoints(
  parts: DropOldParts,
  options: { readonly dryRun?: boolean; stopped?(): boolean } = {},
): AsyncGenerator<DroppedPoints> {
  for (const key of await parts.databases.listKeys()) {
    if (options.stopped?.()) return
    const done = await dropOfOne(parts, key, options.dryRun ?? false).catch((cause: unknown) => {
      // Its owner removed it meanwhile.
      if (!(cause instanceof CodedError && cause.code === 'database.unknown')) parts.onFailure(key, cause)
    })
    if (done) yield done
  }
}

/** The same for one database. @throws {CodedError} `database.unknown`, and as the time machine. */
export async function dropOfOne(parts: DropOldParts, key: DatabaseKey, dryRun: boolean): Promise<DroppedPoints> {
  const points = await parts.timeMachine.listPoints(key)
  const verdicts = keepBases(decideRetention(points, parts.policy, parts.now()))
  const dropped = verdicts.filter(({ reasons }) => reasons.length === 0)
  const moments = new Set(dropped.map(({ point }) => momentOf(point)))
  const freedBytes = dryRun || moments.size === 0 ? 0 : await parts.timeMachine.dropPoints(key, moments)
  return { ...key, points: verdicts, freedBytes }
}

/** What a copy stands at stays as long as anything that it remembers: the others are reached from there. */
function keepBases(verdicts: readonly RetentionVerdict<PlacedPoint>[]): readonly RetentionVerdict<PlacedPoint>[] {
  const needed = new Set(verdicts.filter(({ reasons }) => reasons.length > 0).map(({ point }) => point.copy.copyId))
  return verdicts.map(({ point, reasons }) => {
    const isBase = reasons.length === 0 && point.isHead && (point.isLatest || needed.has(point.copy.copyId))
    return { point, reasons: isBase ? ['base'] : reasons }
  })
}
