/** Whether the server guards what a backup left behind (DC-90). */

import { CodedError } from '../../schemas/errors.ts'
import type { DeviceClientPorts } from '../createDeviceClient.ts'
import type { BackupReport, GuardedPoint } from '../deviceClient.ts'
import { openServerCalls } from '../restore/serverCalls.ts'

/** Fewer removed rows are never half of a table that the server guards. */
const GUARDED_DELETES = 50

/** What the server pinned because of this backup; it is asked only if the backup can have been a reason (DC-90). */
export async function findGuard(
  ports: Pick<DeviceClientPorts, 'fetch' | 'records' | 'clock' | 'log'>,
  deviceId: string,
  report: BackupReport,
): Promise<GuardedPoint | undefined> {
  if (report.mode !== 'delta' || report.deletes <= GUARDED_DELETES) return undefined
  try {
    const points = await (await openServerCalls(ports)).listPoints(deviceId, report.database)
    // The newest is what this backup made; the one it left comes next.
    const { point, pin } = points[1] ?? {}
    if (point === undefined || pin?.by !== 'guard') return undefined
    ports.log.warn('a table lost most of its rows; the server pinned the restore point before', { point })
    return { point, reason: pin.reason, at: pin.at }
  } catch (cause) {
    // The backup is safe; that the server cannot be asked again is no reason to call it failed.
    if (cause instanceof CodedError) return undefined
    throw cause
  }
}
