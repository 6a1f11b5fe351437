/**
 * The device client, wired from the parts a platform gives: registration, observers, backups, restores.
 * It knows no platform; `node/` and `browser/` make the parts.
 */

import type { BackupMethod } from '../schemas/backupChoice.ts'
import { CodedError } from '../schemas/errors.ts'
import type { Advice } from '../schemas/http/advice.ts'
import type { AgentRecords, BackupHistory, Identity } from './agentRecords.ts'
import { type BackupPorts, backupDatabase } from './backup/backupDatabase.ts'
import { backUpByMethod, differentialOf } from './backup/chooseMethod.ts'
import { findGuard } from './backup/findGuard.ts'
import type {
  AddOptions,
  BackupOptions,
  BackupReport,
  DatabaseEntry,
  DatabaseStatus,
  DeviceClient,
} from './deviceClient.ts'
import { deviceInformation } from './deviceInformation.ts'
import { expectMethod, isFileSet } from './files/addFileSet.ts'
import type { FilePorts } from './files/filePorts.ts'
import type { Footprint } from './observe/foreignWrites.ts'
import { trackerOf, withTracker } from './observe/withTracker.ts'
import type { Digest, OpenZstdFrame, SqlDatabase, SqlOpener } from './ports.ts'
import { registerDevice } from './register.ts'
import { choosePoint } from './restore/choosePoint.ts'
import { findSource } from './restore/findSource.ts'
import { restoreEntry } from './restore/restoreEntry.ts'
import type { RestoreTarget } from './restore/restoreTarget.ts'
import { openServerCalls } from './restore/serverCalls.ts'
import { DEFAULT_PREFERENCES } from './schedule/preferences.ts'
import { step } from './steps.ts'

export interface DeviceClientPorts extends BackupPorts {
  readonly records: AgentRecords
  readonly sql: SqlOpener
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

export function createDeviceClient(ports: DeviceClientPorts): DeviceClient {
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
    backup: (name, options) => backup(ports, name, options),
    restore: (options) => restoreEntry(ports, options),
    restoreRows: async (options) => (await import('./restore/restoreRows.ts')).restoreRows(ports, options),
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

async function backup(ports: DeviceClientPorts, name: string, options: BackupOptions = {}): Promise<BackupReport> {
  const entry = await ports.records.database(name)
  const identity = await ports.records.identity()
  const at = ports.clock.now()
  const { advice: known, ...history } = await ports.records.history(name)
  let advice = known
  const onAdvice = (heard: Advice): void => {
    advice = Object.keys(heard).length === 0 ? undefined : heard
  }
  try {
    const { report, refused } = await backUpByMethod(entry.preferences.method, history, at, (method) =>
      backupEntry(ports, entry, identity, { ...options, method, history, onAdvice }),
    )
    step('history')
    const guard = await findGuard(ports, identity.deviceId, report)
    const lastGuard = guard ?? history.lastGuard
    const lastFullAt = report.mode === 'full' ? at : (history.lastFullAt ?? at)
    await ports.records.setHistory(name, {
      ...{ lastSuccessAt: ports.clock.now(), lastAttempt: { at, mode: report.mode } },
      ...(entry.preferences.method === 'differential' && { lastFullAt }),
      ...(refused && { refused }),
      ...(lastGuard && { lastGuard }),
      ...(advice && { advice }),
    })
    return guard ? { ...report, guard } : report
  } catch (cause) {
    const failure =
      cause instanceof CodedError
        ? { code: cause.code, message: cause.message }
        : { code: 'internal', message: String(cause) }
    await ports.records.setHistory(name, { ...history, lastAttempt: { at, failure }, ...(advice && { advice }) })
    throw cause
  }
}

interface EntryBackup extends BackupOptions {
  readonly method: BackupMethod
  readonly history: BackupHistory
  onAdvice(advice: Advice): void
}

async function backupEntry(
  ports: DeviceClientPorts,
  entry: DatabaseEntry,
  identity: Identity,
  { method, full = false, history, window, onAdvice, ...options }: EntryBackup,
): Promise<BackupReport> {
  const { preferences } = entry
  const secret = await ports.records.secret()
  const serverLogin = await ports.records.serverLogin()
  const { server, user, deviceId } = identity
  const request = {
    database: entry.name,
    path: entry.path,
    full: full || method === 'full',
    choice: { method, timeMachine: preferences.timeMachine ?? 'on' },
    login: { server, user, secret, deviceId, ...(serverLogin && { serverLogin }) },
    devInf: deviceInformation(identity, entry.name, {
      version: ports.version,
      fileType: ports.fileCoding?.contentType,
    }),
    ...(window && { window }),
    onAdvice,
    onProgress: (done: number, total: number) =>
      ports.onProgress({ database: entry.name, what: 'backup', done, total }),
  }
  const picture = ports.openPicture(entry.name)
  try {
    if (entry.kind === 'files' && ports.files) {
      const { checksum = false, allowEmpty = false } = options
      // A nightly backup of databases starts without this.
      const { backupSet } = await import('./files/backupSet.ts')
      return await backupSet(ports, request, { files: ports.files, picture, checksum, allowEmpty })
    }
    const differential = differentialOf(method, preferences, history, ports.clock.now())
    const tracker = trackerOf(ports, entry, picture, differential)
    try {
      return await backupDatabase(ports, { ...request, tracker })
    } finally {
      tracker.close()
    }
  } finally {
    picture.close()
  }
}

async function statusOf(ports: DeviceClientPorts, entry: DatabaseEntry): Promise<DatabaseStatus> {
  const history = await ports.records.history(entry.name)
  // Whether files changed is known by reading their folder only.
  if (entry.kind === 'files') return { ...entry, ...history }
  try {
    const summary = withTracker(ports, entry, (tracker) => tracker.summary())
    return { ...entry, ...history, pending: summary.current > summary.acknowledged || summary.lineage === null }
  } catch (cause) {
    // A database that is locked or gone is no reason not to show the others.
    if (cause instanceof CodedError) return { ...entry, ...history }
    throw cause
  }
}
