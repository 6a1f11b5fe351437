/**
 * Restores a database as one whole file, or a set of files as a folder, and goes on looking after it where it replaces
 * the one that was.
 */

import type { DeviceClientPorts } from '../createDeviceClient.ts'
import type { DatabaseEntry, RestoreOptions, RestoreReport } from '../deviceClient.ts'
import type { SetPlacing } from '../files/restoreSet.ts'
import { withTracker } from '../observe/withTracker.ts'
import { DEFAULT_PREFERENCES } from '../schedule/preferences.ts'
import { choosePoint } from './choosePoint.ts'
import { fetchImage } from './fetchImage.ts'
import { findSource } from './findSource.ts'
import type { RestoreDatabaseOptions } from './restoreDatabase.ts'
import { openServerCalls, type ServerCalls } from './serverCalls.ts'

/** @throws {CodedError} as `restoreDatabase`, `choosePoint`, `placeSet`. */
export async function restoreEntry(ports: DeviceClientPorts, options: RestoreOptions): Promise<RestoreReport> {
  const startedAt = ports.clock.now()
  const path = ports.absolutePath(options.to)
  const calls = await openServerCalls(ports, options.password)
  const identity = await ports.records.identity()
  const fromDeviceId = await findSource(calls, identity, options.database, options.fromDevice)
  const { point, takenAt } = await choosePoint(calls, fromDeviceId, options)
  const entries = await ports.records.databases()
  const held = entries.find((entry) => entry.name === options.database)
  const isSet = await isSetOfFiles(calls, options, fromDeviceId, held)
  const placing = isSet ? await placeFiles(ports, options, path, held) : undefined
  // A restore beside a living database of the same name is a look at the backup, not its replacement.
  const replaces = !held || (held.path === path && (held.kind === 'files') === isSet)
  const entry = held ?? newEntry(options.database, path, isSet)
  const adopts = replaces && options.file === undefined && !options.aside
  const restored = await fetchImage(ports, calls, {
    ...{ database: options.database, fromDeviceId, point, path },
    ...(takenAt !== undefined && { takenAt }),
    ...(options.trustNewKey !== undefined && { trustNewKey: options.trustNewKey }),
    ...(placing && { target: placing.target }),
    ...(adopts && { adopt: placing ? adoptFiles(ports, entry, placing) : adoptDatabase(ports, entry) }),
  })
  if (adopts) await ports.records.putDatabase(entry)
  const { bytesReceived, sizeBytes, sha256 } = restored
  const durationMs = ports.clock.now() - startedAt
  const what = { database: options.database, path, point, bytesReceived, sizeBytes, sha256 }
  return { ...what, ...placing?.placed(), durationMs }
}

/** The server knows what another device keeps under this name; of our own we know it ourselves. */
async function isSetOfFiles(
  calls: ServerCalls,
  { database, fromDevice }: RestoreOptions,
  fromDeviceId: string,
  held: DatabaseEntry | undefined,
): Promise<boolean> {
  if (held && fromDevice === undefined) return held.kind === 'files'
  const rows = await calls.listDatabases()
  return rows.some((row) => row.name === database && row.deviceId === fromDeviceId && row.method === 'copy')
}

function newEntry(name: string, path: string, isSet: boolean): DatabaseEntry {
  if (!isSet) return { name, path, tracking: 'triggers', preferences: DEFAULT_PREFERENCES }
  return { name, path, kind: 'files', tracking: 'compare', preferences: { ...DEFAULT_PREFERENCES, method: 'copy' } }
}

async function placeFiles(
  { files, restoreTarget }: DeviceClientPorts,
  { file }: RestoreOptions,
  path: string,
  held: DatabaseEntry | undefined,
): Promise<SetPlacing | undefined> {
  if (files === undefined) return undefined
  const { placeSet } = await import('../files/restoreSet.ts')
  const own = held?.kind === 'files' && held.path === path && file === undefined
  return placeSet({ files, path, own, restoreTarget, ...(file !== undefined && { only: file }) })
}

type Adopt = NonNullable<RestoreDatabaseOptions['adopt']>

function adoptDatabase(ports: DeviceClientPorts, entry: DatabaseEntry): Adopt {
  return (position) => {
    withTracker(ports, entry, (tracker) => tracker.adopt(position.lineage, position))
    return () => withTracker(ports, entry, (tracker) => tracker.confirmAdopted(position.lineage))
  }
}

function adoptFiles(ports: DeviceClientPorts, { name }: DatabaseEntry, placing: SetPlacing): Adopt {
  return (position) => {
    const picture = ports.openPicture(name)
    const confirm = placing.adopt(picture, position)
    return () => {
      confirm()
      picture.close()
    }
  }
}
