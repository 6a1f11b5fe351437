/** Restores a database as one whole file, and goes on looking after it where it replaces the one that was. */

import type { DeviceClientPorts } from '../createDeviceClient.ts'
import type { DatabaseEntry, RestoreOptions, RestoreReport } from '../deviceClient.ts'
import { withTracker } from '../observe/withTracker.ts'
import { DEFAULT_PREFERENCES } from '../schedule/preferences.ts'
import { choosePoint } from './choosePoint.ts'
import { fetchImage } from './fetchImage.ts'
import { findDevice } from './findDevice.ts'
import { openServerCalls } from './serverCalls.ts'

/** @throws {CodedError} as `restoreDatabase`, `choosePoint`. */
export async function restoreEntry(ports: DeviceClientPorts, options: RestoreOptions): Promise<RestoreReport> {
  const startedAt = ports.clock.now()
  const path = ports.absolutePath(options.to)
  const calls = await openServerCalls(ports)
  const fromDeviceId = await findDevice(ports, calls, options.database, options.fromDevice)
  const { point, takenAt } = await choosePoint(calls, fromDeviceId, options)
  const entries = await ports.records.databases()
  const held = entries.find((entry) => entry.name === options.database)
  // A restore beside a living database of the same name is a look at the backup, not its replacement.
  const adopts = !held || held.path === path
  const entry: DatabaseEntry = held ?? {
    name: options.database,
    path,
    tracking: 'triggers',
    preferences: DEFAULT_PREFERENCES,
  }
  const restored = await fetchImage(ports, calls, {
    ...{ database: options.database, fromDeviceId, point, path },
    ...(takenAt !== undefined && { takenAt }),
    ...(options.trustNewKey !== undefined && { trustNewKey: options.trustNewKey }),
    ...(adopts && {
      adopt: (position) => {
        withTracker(ports, entry, (tracker) => tracker.adopt(position.lineage, position))
        return () => withTracker(ports, entry, (tracker) => tracker.confirmAdopted(position.lineage))
      },
    }),
  })
  if (adopts) await ports.records.putDatabase(entry)
  const { bytesReceived, sizeBytes, sha256 } = restored
  const durationMs = ports.clock.now() - startedAt
  return { database: options.database, path, point, bytesReceived, sizeBytes, sha256, durationMs }
}
