/** Compares two restore points of a database: which copies hold them, and the job that looks into those. Rules TM-20 to TM-23. */

import { randomUUID } from 'node:crypto'
import { CodedError } from '../../schemas/errors.ts'
import type { DiffQuery, DiffReport } from '../../schemas/http/diff.ts'
import { placeOfCopy } from '../backup/copyKey.ts'
import type { DatabaseKey } from '../catalogue/catalogue.ts'
import type { KeyRing } from '../keys/keyRing.ts'
import type { DiffInput, DiffOutcome, DiffSide } from './diffJob.ts'
import { findPlacedPoint, LATEST_POINT } from './findPlacedPoint.ts'
import type { PlacedPoint, TimeMachine } from './timeMachine.ts'

export interface DiffParts {
  readonly timeMachine: Pick<TimeMachine, 'listPoints'>
  readonly keyRing: KeyRing
  copyPath(copyId: string): string
  imagePath(imageId: string): string
  runJob(input: DiffInput, owner: DatabaseKey): Promise<DiffOutcome>
  /** Removes what a process that was killed at its limits left of a scratch copy. */
  removeScratch(path: string): Promise<void>
}

/** What differs between two points. @throws {CodedError} `database.unknown`, `restore.unknown`, `database.untrackable`. */
export type DiffPoints = (key: DatabaseKey, query: DiffQuery) => Promise<DiffReport>

export function createDiffs(parts: DiffParts): DiffPoints {
  return async (key, { from, to, values, ...rest }) => {
    const points = await parts.timeMachine.listPoints(key)
    const [a, b] = [findPlacedPoint(points, from), findPlacedPoint(points, to)]
    const sides = { from: describeSide(a), to: describeSide(b) }
    for (const { copy, takenAt } of [a, b]) if (copy.kind === 'file') throw sealed(key, takenAt)
    if (a.token === b.token) return { ...sides, schema: [], moreObjects: 0, tables: [] }
    const input = { ...rest, from: sideOf(parts, a), to: sideOf(parts, b), values: values === 'yes' }
    try {
      return { ...sides, ...(await parts.runJob(input, key)) }
    } finally {
      for (const { scratchPath } of [input.from, input.to]) await parts.removeScratch(scratchPath)
    }
  }
}

function sideOf(parts: DiffParts, { copy, token }: PlacedPoint): DiffSide {
  return { ...placeOfCopy(parts, copy), token, scratchPath: `${parts.imagePath(randomUUID())}.past` }
}

function describeSide({ isLatest, token, number, takenAt }: PlacedPoint): DiffReport['from'] {
  return { point: isLatest ? LATEST_POINT : token, number, takenAt }
}

function sealed({ name }: DatabaseKey, takenAt: number): CodedError {
  const when = new Date(takenAt).toISOString()
  return new CodedError('database.untrackable', `${name} of ${when} is a sealed file: the server cannot look into it`, {
    next: 'Restore both points to files of their own and compare those.',
  })
}
