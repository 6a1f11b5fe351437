/** Which state a restore means, and which there are (TM-1). */

import { CodedError } from '../../schemas/errors.ts'
import type { RestorePoint } from '../../schemas/http/backups.ts'
import type { DatabaseKey } from '../catalogue/catalogue.ts'
import type { PlacedPoint, TimeMachine } from '../timeMachine/timeMachine.ts'

/** The newest restore point, whichever it is. */
export const LATEST_POINT = 'latest'

/**
 * An older point by its name or number; undefined for the newest, which needs no looking.
 * @throws {CodedError} `restore.unknown`, `database.unknown`.
 */
export async function findPoint(
  timeMachine: TimeMachine,
  key: DatabaseKey,
  point = LATEST_POINT,
): Promise<PlacedPoint | undefined> {
  if (point === LATEST_POINT) return undefined
  const points = await timeMachine.listPoints(key)
  // A number may have been counted twice, by a device that came back from an old state: the newest counts.
  const found = points.find(({ token, number }) => token === point || String(number) === point)
  if (found === undefined)
    throw new CodedError('restore.unknown', `there is no restore point ${point}`, {
      next: 'See which there are with "nightferry-device points".',
    })
  return found.isLatest ? undefined : found
}

/** All points, newest first. @throws {CodedError} `database.unknown`. */
export async function listPoints(timeMachine: TimeMachine, key: DatabaseKey): Promise<readonly RestorePoint[]> {
  const points = await timeMachine.listPoints(key)
  return points.map(({ isLatest, token, number, lineage, takenAt, sizeBytes }) => ({
    point: isLatest ? LATEST_POINT : token,
    number,
    lineage,
    takenAt,
    sizeBytes,
  }))
}
