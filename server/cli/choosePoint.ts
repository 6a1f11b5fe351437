/** Which restore point an operator means. */

import { CodedError } from '../../schemas/errors.ts'
import type { AccountDevice, OperatorApi } from './operatorApi.ts'

/**
 * A name or number as it is; for a time, the newest point that is not younger.
 * @throws {CodedError} `config.invalid` if it is no time, `restore.unknown` if no point is that old.
 */
export async function choosePoint(
  api: Pick<OperatorApi, 'listPoints'>,
  device: AccountDevice,
  database: string,
  text: string,
): Promise<string> {
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return text
  const at = Date.parse(text)
  if (Number.isNaN(at))
    throw new CodedError('config.invalid', `not a time: ${text}`, {
      next: 'Write it like 2026-11-21T02:00 (time zone of this machine) or 2026-11-21T02:00Z.',
    })
  const found = (await api.listPoints(device, database)).find(({ takenAt }) => takenAt <= at)
  if (found !== undefined) return found.point
  throw new CodedError('restore.unknown', 'there is no restore point that old', {
    next: 'See which there are with "nightferry points".',
  })
}
