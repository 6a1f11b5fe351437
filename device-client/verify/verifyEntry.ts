/** A comparison of one database of the agent, from its records to the report. Rules DC-100 to DC-105. */

import { CodedError } from '../../schemas/errors.ts'
import type { DeviceClientPorts } from '../createDeviceClient.ts'
import type { DatabaseEntry, VerifyReport } from '../deviceClient.ts'
import { trackerPorts } from '../observe/withTracker.ts'
import { portableDigest } from '../portableDigest.ts'
import type { SqlDatabase } from '../ports.ts'
import type { Traffic } from '../session/traffic.ts'
import { openCopyCalls } from './copyCalls.ts'
import { reconcile, verifyDatabase } from './verifyDatabase.ts'

/**
 * Compares; what was found is remembered, and told to the server.
 * @throws {CodedError} `database.untrackable` for a set of files (FS-14); as `verifyDatabase`.
 */
export async function verifyEntry(
  ports: DeviceClientPorts,
  entry: DatabaseEntry,
  options: { readonly full: boolean; readonly repair: boolean },
): Promise<VerifyReport> {
  if (entry.kind === 'files')
    throw new CodedError('database.untrackable', `${entry.name} is a set of files: it has no rows to compare`, {
      next: 'Run "nightferry-device backup --checksum": every file is read again, and what differs is sent.',
    })
  const startedAt = ports.clock.now()
  const { last: _, ...memory } = await ports.records.verification(entry.name)
  const calls = await openCopyCalls(ports, entry.name)
  const picture = ports.openPicture(entry.name)
  try {
    const tracking = trackerPorts(ports, entry, picture)
    const now = () => ports.clock.now()
    const request = {
      database: entry.name,
      tracking,
      calls,
      createDigest: ports.createDigest ?? portableDigest,
      now,
      memory,
      ...options,
    }
    const verified = await verifyDatabase(request)
    const { report } = verified
    const { form, completeAt } = report
    const differences = report.differences.reduce((sum, { count }) => sum + count, 0)
    const last = { at: startedAt, form, differences, ...(completeAt !== undefined && { completeAt }) }
    await ports.records.setVerification(entry.name, { ...verified.memory, last })
    const { number, rows, tables, repair } = report
    await calls
      .report({ number, form, rows, tables, differences, repair, ...(completeAt !== undefined && { completeAt }) })
      .catch((cause: unknown) => {
        // The comparison counts here, whether the server hears of it or not.
        if (!(cause instanceof CodedError)) throw cause
        ports.log.warn('the server was not told of the comparison', { code: cause.code })
      })
    return { ...report, ...calls.traffic, durationMs: ports.clock.now() - startedAt }
  } finally {
    picture.close()
  }
}

/** Makes the device ready to send what differs; `picture` is the database's open one. */
export async function reconcileEntry(
  ports: DeviceClientPorts,
  entry: DatabaseEntry,
  picture: SqlDatabase,
): Promise<{ readonly outcome: 'equal' | 'marked' | 'full'; readonly traffic: Traffic }> {
  const calls = await openCopyCalls(ports, entry.name)
  const tracking = trackerPorts(ports, entry, picture)
  const request = { database: entry.name, tracking, calls, createDigest: ports.createDigest ?? portableDigest }
  return { outcome: await reconcile(request), traffic: calls.traffic }
}
