/** Fetches the image of a restore point into a file, verified, without changing anything on the server. */

import type { DeviceClientPorts } from '../createDeviceClient.ts'
import type { RestoreDatabaseOptions, RestoredDatabase } from './restoreDatabase.ts'
import type { RestoreTarget } from './restoreTarget.ts'
import type { ServerCalls } from './serverCalls.ts'

export interface ImageWanted {
  readonly database: string
  readonly fromDeviceId: string
  readonly point: string
  readonly takenAt?: number
  /** Where the file comes to lie. */
  readonly path: string
  /** What takes it there, if it is more than a file. */
  readonly target?: RestoreTarget
  readonly trustNewKey?: boolean
  /** Confirms the restore: the server begins a new life with it. Without it the image is only a copy to look at. */
  readonly adopt?: NonNullable<RestoreDatabaseOptions['adopt']>
}

/** @throws {CodedError} as `restoreDatabase`. */
export async function fetchImage(
  ports: DeviceClientPorts,
  calls: ServerCalls,
  { database, fromDeviceId, point, takenAt, path, target, trustNewKey, adopt }: ImageWanted,
): Promise<RestoredDatabase> {
  // Signatures and validators are half of the program: a nightly backup starts without them.
  const { restoreDatabase } = await import('./restoreDatabase.ts')
  const known = trustNewKey ? undefined : await ports.records.serverKeys()
  const restored = await restoreDatabase({
    ...(known ? { trustedKeys: known } : {}),
    calls: calls.restoreCalls({ database, fromDeviceId, point }),
    target: target ?? ports.restoreTarget(path),
    // What was kept of a restore before a newer backup is not gone on with: it would bring back the older state.
    wanted: JSON.stringify([database, fromDeviceId, point, takenAt]),
    gzip: ports.gzip,
    ...(ports.openFrame && { openFrame: ports.openFrame }),
    ...(ports.createDigest && { createDigest: ports.createDigest }),
    clock: ports.clock,
    onProgress: (done, total) => ports.onProgress({ database, what: 'restore', done, total }),
    ...(adopt && { adopt }),
  })
  if (!known) await ports.records.setServerKeys(restored.signingKeys)
  return restored
}
