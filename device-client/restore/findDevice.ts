/** Which device's copy is meant. */

import { CodedError } from '../../schemas/errors.ts'
import type { AgentRecords } from '../agentRecords.ts'
import type { ServerCalls } from './serverCalls.ts'

/** This device, or the one of the account that is named. @throws {CodedError} `database.unknown`, `device.unknown`. */
export async function findDevice(
  ports: { readonly records: AgentRecords },
  calls: ServerCalls,
  database: string,
  name: string | undefined,
): Promise<string> {
  if (name === undefined) return (await ports.records.identity()).deviceId
  const found = (await calls.listDatabases()).find(
    (row) => row.name === database && (row.deviceName === name || row.deviceId === name),
  )
  if (found) return found.deviceId
  throw new CodedError('database.unknown', `device ${name} has no database ${database} on the server`, {
    next: 'Check both names; the device must belong to the same account.',
  })
}
