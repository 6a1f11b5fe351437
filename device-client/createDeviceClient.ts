/**
 * The device client, wired from the parts a platform gives: registration, observers, backups, restores.
 * It knows no platform; `node/` and `browser/` make the parts.
 */

import { CodedError } from '../schemas/errors.ts'
import type { AgentRecords } from './agentRecords.ts'
import type { BackupPorts } from './backup/backupDatabase.ts'
import { backupEntry } from './backup/backupEntry.ts'
import type { AddOptions, DatabaseEntry, DatabaseStatus, DeviceClient } from './deviceClient.ts'
import { expectMethod, isFileSet } from './files/addFileSet.ts'
import type { FilePorts } from './files/filePorts.ts'
import type { Footprint } from './observe/foreignWrites.ts'
import { withTracker } from './observe/withTracker.ts'
import type { OpenPeerNetwork } from './peers/peerNetwork.ts'
import type { Digest, Fetch, OpenZstdFrame, SqlDatabase, SqlOpener } from './ports.ts'
import { registerDevice } from './register.ts'
import { choosePoint } from './restore/choosePoint.ts'
import { findSource } from './restore/findSource.ts'
import { restoreEntry } from './restore/restoreEntry.ts'
import type { RestoreTarget } from './restore/restoreTarget.ts'
import { openServerCalls } from './restore/serverCalls.ts'
import { DEFAULT_PREFERENCES } from './schedule/preferences.ts'
import type { Installation } from './session/installation.ts'
import { step } from './steps.ts'
import { listenForEpoch } from './verify/followEpoch.ts'

export interface DeviceClientPorts extends BackupPorts {
  readonly records: AgentRecords
  readonly sql: SqlOpener
  /** Tells this installation from copies of it; absent where homes are not copied (DC-110). */
  readonly installation?: Installation
  /** Absent on a platform without folders. */
  readonly files?: FilePorts
  /** How the file of a database looks from outside; absent where applications share our connection. */
  readonly footprint?: (path: string) => Footprint
  /** The agent's own database for the stored picture of one tracked database, by a name of ours. */
  openPicture(name: string): SqlDatabase
  /** Forgets the picture of a database that is no longer tracked. */
  removePicture(name: string): void
  restoreTarget(path: string): RestoreTarget
  /** A file of the agent's own that only its user can read; absent on a platform without files. */
  readonly scratchFile?: () => { readonly path: string; remove(): Promise<void> }
  /** Absent on a platform without Zstandard. */
  readonly openFrame?: OpenZstdFrame
  /** Peers on the local network; absent on a platform that has no sockets. */
  readonly openPeers?: OpenPeerNetwork
  /** HTTP over one link of this device, by its address there; absent where links cannot be told apart. */
  readonly openLink?: (localAddress: string | undefined) => { readonly fetch: Fetch; close(): void }
  /** The platform's own SHA-256; a portable one if absent. */
  readonly createDigest?: () => Digest
  /** A path as this device always spells it, and the name a database gets from it. */
  absolutePath(path: string): string
  nameOf(path: string): string
  /** Shown in device information. */
  readonly version: string
  onProgress(progress: { database: string; what: 'backup' | 'restore'; done: number; total: number }): void
}

/** Names as the server takes them. */
const DATABASE_NAME = /^(?!\.{1,2}$)[^/\\\p{Cc}]{1,128}$/u

export function createDeviceClient(platform: DeviceClientPorts): DeviceClient {
  const { fetch, heard } = listenForEpoch(platform.fetch, platform.clock)
  const ports = { ...platform, fetch }
  return {
    init: (options) => registerDevice(ports, options),
    add: (options) => add(ports, options),
    configure: async (name, preferences) => {
      const entry = await ports.records.database(name)
      const changed = { ...entry, preferences: { ...entry.preferences, ...preferences } }
      expectMethod(entry.kind, changed.preferences.method)
      await ports.records.putDatabase(changed)
      return changed
    },
    remove: (name) => remove(ports, name),
    list: () => ports.records.databases(),
    backup: (name, options) => backupEntry(ports, name, options, heard),
    verify: async (name, options) => {
      const entry = await ports.records.database(name)
      // A nightly backup starts without it.
      const { verifyEntry } = await import('./verify/verifyEntry.ts')
      return verifyEntry(ports, entry, { full: options?.full ?? false, repair: options?.repair ?? false })
    },
    restore: (options) => restoreEntry(ports, options),
    restoreRows: async (options) => (await import('./restore/restoreRows.ts')).restoreRows(ports, options),
    deliver: async (options) => (await import('./delivery/deliverEntry.ts')).deliverEntry(ports, options),
    deliveries: async () => (await import('./delivery/deliverEntry.ts')).listDeliveries(ports),
    points: async (database, { fromDevice, password } = {}) => {
      const calls = await openServerCalls(ports, password)
      const deviceId = await findSource(calls, await ports.records.identity(), database, fromDevice)
      return calls.listPoints(deviceId, database)
    },
    diff: async ({ database, from, to, values, ...rest }) => {
      const calls = await openServerCalls(ports)
      const { deviceId } = await ports.records.identity()
      const [a, b] = [
        (await choosePoint(calls, deviceId, { database, at: from })).point,
        (await choosePoint(calls, deviceId, { database, at: to })).point,
      ]
      return calls.diff(deviceId, database, { ...rest, from: a, to: b, values: values ? 'yes' : 'no' })
    },
    pin: async (database, at, reason) => {
      const calls = await openServerCalls(ports)
      const { deviceId } = await ports.records.identity()
      const { point } = await choosePoint(calls, deviceId, { database, at })
      return calls.pinPoint(deviceId, database, point, reason)
    },
    claim: async (password) => (await import('./claimDevice.ts')).claimDevice(ports, password),
    fence: async (options) => (await import('./fenceDevice.ts')).fenceDevice(ports, options),
    followNotifications: async (host) =>
      (await import('./notify/followNotifications.ts')).followNotifications(ports, host),
    status: async () => {
      const { server, user, device, deviceId } = await ports.records.identity()
      const entries = await ports.records.databases()
      return {
        server,
        user,
        device,
        deviceId,
        databases: await Promise.all(entries.map((entry) => statusOf(ports, entry))),
      }
    },
  }
}

async function add(ports: DeviceClientPorts, options: AddOptions): Promise<DatabaseEntry> {
  await ports.records.identity()
  const path = ports.absolutePath(options.path)
  const name = options.name ?? ports.nameOf(path)
  if (!DATABASE_NAME.test(name)) {
    throw new CodedError('config.invalid', `not a name for a database: ${name}`, { next: 'Choose one with --name.' })
  }
  const held = (await ports.records.databases()).find((entry) => entry.name === name)
  if (held && held.path !== path) {
    throw new CodedError('config.invalid', `the name ${name} is taken by ${held.path}`, {
      next: 'Choose another with --name.',
    })
  }
  const preferences = { ...DEFAULT_PREFERENCES, ...held?.preferences, ...options.preferences }
  if (isFileSet(ports.files, path, options.preferences?.method ?? held?.preferences.method)) {
    const copied = { ...preferences, method: 'copy' as const }
    const set: DatabaseEntry = { name, path, kind: 'files', tracking: 'compare', preferences: copied }
    await ports.records.putDatabase(set)
    return set
  }
  const entry: DatabaseEntry = { name, path, tracking: options.tracking ?? held?.tracking ?? 'triggers', preferences }
  withTracker(ports, entry, (tracker) => tracker.install())
  step('install')
  await ports.records.putDatabase(entry)
  return entry
}

async function remove(ports: DeviceClientPorts, name: string): Promise<void> {
  const entry = await ports.records.database(name)
  try {
    if (entry.kind !== 'files') withTracker(ports, entry, (tracker) => tracker.remove())
  } catch (cause) {
    // A file that is gone takes its observers along.
    if (!(cause instanceof CodedError) || cause.code !== 'database.unknown') throw cause
  }
  ports.removePicture(name)
  await ports.records.removeDatabase(name)
}

async function statusOf(ports: DeviceClientPorts, entry: DatabaseEntry): Promise<DatabaseStatus> {
  const { epoch: _, epochHeardAt: __, ...history } = await ports.records.history(entry.name)
  const { last } = await ports.records.verification(entry.name)
  const known = { ...entry, ...history, ...(last && { lastVerified: last }) }
  // Whether files changed is known by reading their folder only.
  if (entry.kind === 'files') return known
  try {
    const summary = withTracker(ports, entry, (tracker) => tracker.summary())
    return { ...known, pending: summary.current > summary.acknowledged || summary.lineage === null }
  } catch (cause) {
    // A database that is locked or gone is no reason not to show the others.
    if (cause instanceof CodedError) return known
    throw cause
  }
}
