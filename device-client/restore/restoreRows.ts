/** Restores rows of one table into the living database of this device (DC-91 to DC-94). */

import { CodedError } from '../../schemas/errors.ts'
import type { DeviceClientPorts } from '../createDeviceClient.ts'
import type { RestoreRowsOptions, RestoreRowsReport } from '../deviceClient.ts'
import { bringRowsBack } from './bringRowsBack.ts'
import { choosePoint } from './choosePoint.ts'
import { fetchImage } from './fetchImage.ts'
import { openServerCalls } from './serverCalls.ts'

/** @throws {CodedError} as `bringRowsBack`, `choosePoint`, `restoreDatabase`; `database.unknown`. */
export async function restoreRows(ports: DeviceClientPorts, options: RestoreRowsOptions): Promise<RestoreRowsReport> {
  const startedAt = ports.clock.now()
  const { database, table, where, exact, dryRun } = options
  const entry = await ports.records.database(database)
  if (entry.kind === 'files')
    throw new CodedError('restore.mismatch', `${database} is a set of files and has no tables`, {
      next: 'Restore one of its files, or all, with --to.',
    })
  if (ports.scratchFile === undefined)
    throw new CodedError('config.invalid', 'rows come back only where the agent has files of its own')
  // A database that is gone is no place for rows.
  ports.sql.open(entry.path).close()
  const calls = await openServerCalls(ports)
  const { deviceId: fromDeviceId } = await ports.records.identity()
  const chosen = await choosePoint(calls, fromDeviceId, options)
  const scratch = ports.scratchFile()
  try {
    const wanted = { ...chosen, database, fromDeviceId, path: scratch.path }
    const { bytesReceived } = await fetchImage(ports, calls, wanted)
    const live = ports.sql.open(entry.path)
    try {
      const counts = bringRowsBack(live, scratch.path, { table, where, exact, dryRun })
      const durationMs = ports.clock.now() - startedAt
      return { database, table, point: chosen.point, dryRun, ...counts, bytesReceived, durationMs }
    } finally {
      live.close()
    }
  } finally {
    await scratch.remove()
  }
}
