/** Which of a database's restore points is meant (TM-1). Pure. */

import { CodedError } from '../../schemas/errors.ts'
import type { PlacedPoint } from './timeMachine.ts'

/** The newest restore point, whichever it is. */
export const LATEST_POINT = 'latest'

/** The point of this name, or the newest of this number. @throws {CodedError} `restore.unknown`. */
export function findPlacedPoint(points: readonly PlacedPoint[], point: string): PlacedPoint {
  // A number may have been counted twice, by a device that came back from an old state: the newest counts.
  const found =
    point === LATEST_POINT
      ? points.find(({ isLatest }) => isLatest)
      : points.find(({ token, number }) => token === point || String(number) === point)
  if (found !== undefined) return found
  throw new CodedError('restore.unknown', `there is no restore point ${point}`, {
    next: 'See which there are with "points".',
  })
}
