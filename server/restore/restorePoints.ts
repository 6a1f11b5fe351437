/** Which state a restore means, and which there are (TM-1). */

import type { RestorePoint } from '../../schemas/http/backups.ts'
import type { DatabaseKey } from '../catalogue/catalogue.ts'
import { findPlacedPoint, LATEST_POINT } from '../timeMachine/findPlacedPoint.ts'
import type { PlacedPoint, TimeMachine } from '../timeMachine/timeMachine.ts'

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
  const found = findPlacedPoint(await timeMachine.listPoints(key), point)
  return found.isLatest ? undefined : found
}

/** All points, newest first. @throws {CodedError} `database.unknown`. */
export async function listPoints(timeMachine: TimeMachine, key: DatabaseKey): Promise<readonly RestorePoint[]> {
  return (await timeMachine.listPoints(key)).map(describePoint)
}

/** A point as the interface shows it. */
export function describePoint({
  isLatest,
  token,
  number,
  lineage,
  takenAt,
  sizeBytes,
  pin,
}: PlacedPoint): RestorePoint {
  const point = isLatest ? LATEST_POINT : token
  const shown = { point, number, lineage, takenAt, sizeBytes }
  if (pin === undefined) return shown
  return { ...shown, pin: { by: pin.pinnedBy, reason: pin.reason, at: pin.pinnedAt } }
}
