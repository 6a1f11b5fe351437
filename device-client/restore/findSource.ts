/** Which device's copy is meant: this one's own, or that of another device of the account (ID-1). */

import { CodedError } from '../../schemas/errors.ts'
import type { Identity } from '../agentRecords.ts'
import type { ServerCalls } from './serverCalls.ts'

/** @throws {CodedError} `database.unknown` if no device of that name or id has such a database in reach. */
export async function findSource(
  calls: Pick<ServerCalls, 'listDatabases'>,
  { device, deviceId }: Pick<Identity, 'device' | 'deviceId'>,
  database: string,
  name: string | undefined,
): Promise<string> {
  if (name === undefined || name === device || name === deviceId) return deviceId
  const found = (await calls.listDatabases()).find(
    (row) => row.name === database && (row.deviceName === name || row.deviceId === name),
  )
  if (found) return found.deviceId
  throw new CodedError('database.unknown', `device ${name} has no database ${database} on the server`, {
    next: "Check both names; the device must belong to the same account, and the account's password is needed.",
  })
}
