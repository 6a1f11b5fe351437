/** Which restore point is meant: the newest, the one named, or the newest that is no younger than a time. */

import { CodedError } from '../../schemas/errors.ts'
import type { RestoreOptions } from '../deviceClient.ts'
import type { ServerCalls } from './serverCalls.ts'

/** @throws {CodedError} `restore.unknown` if no point is that old. */
export async function choosePoint(
  calls: ServerCalls,
  deviceId: string,
  options: Pick<RestoreOptions, 'database' | 'at'>,
): Promise<{ readonly point: string; readonly takenAt?: number }> {
  if (typeof options.at === 'string') return { point: options.at }
  const points = await calls.listPoints(deviceId, options.database)
  const { at } = options
  const chosen = at === undefined ? points[0] : points.find((point) => point.takenAt <= at)
  if (chosen) return chosen
  throw new CodedError('restore.unknown', 'there is no restore point that old', {
    next: 'Run "nightferry-device points" to see what there is.',
  })
}
