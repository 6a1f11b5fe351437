/** Restores a database as one whole file, and goes on looking after it where it replaces the one that was. */

import type { DeviceClientPorts } from '../createDeviceClient.ts'
import type { DatabaseEntry, RestoreOptions, RestoreReport } from '../deviceClient.ts'
import { withTracker } from '../observe/withTracker.ts'
import { DEFAULT_PREFERENCES } from '../schedule/preferences.ts'
import { choosePoint } from './choosePoint.ts'
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
  // Signatures and validators are half of the program: a nightly backup starts without them.
  const { restoreDatabase } = await import('./restoreDatabase.ts')
  const known = options.trustNewKey ? undefined : await ports.records.serverKeys()
  const restored = await restoreDatabase({
    ...(known ? { trustedKeys: known } : {}),
    calls: calls.restoreCalls({ database: options.database, fromDeviceId, point }),
    target: ports.restoreTarget(path),
    // What was kept of a restore before a newer backup is not gone on with: it would bring back the older state.
    wanted: JSON.stringify([options.database, fromDeviceId, point, takenAt]),
    gzip: ports.gzip,
    ...(ports.openFrame && { openFrame: ports.openFrame }),
    ...(ports.createDigest && { createDigest: ports.createDigest }),
    clock: ports.clock,
    onProgress: (done, total) => ports.onProgress({ database: options.database, what: 'restore', done, total }),
    ...(adopts
      ? {
          adopt: (position) => {
            withTracker(ports, entry, (tracker) => tracker.adopt(position.lineage, position))
            return () => withTracker(ports, entry, (tracker) => tracker.confirmAdopted(position.lineage))
          },
        }
      : {}),
  })
  if (!known) await ports.records.setServerKeys(restored.signingKeys)
  if (adopts) await ports.records.putDatabase(entry)
  const { bytesReceived, sizeBytes, sha256 } = restored
  const durationMs = ports.clock.now() - startedAt
  return { database: options.database, path, point, bytesReceived, sizeBytes, sha256, durationMs }
}
