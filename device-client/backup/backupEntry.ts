/** A backup of one database of the agent, from its records to the report and the history. Rules DC-9, DC-104, DC-106. */

import type { BackupMethod } from '../../schemas/backupChoice.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { Advice } from '../../schemas/http/advice.ts'
import type { BackupHistory, Identity } from '../agentRecords.ts'
import type { DeviceClientPorts } from '../createDeviceClient.ts'
import type { BackupOptions, BackupReport, DatabaseEntry } from '../deviceClient.ts'
import { deviceInformation } from '../deviceInformation.ts'
import { trackerOf } from '../observe/withTracker.ts'
import type { SqlDatabase } from '../ports.ts'
import { noTraffic } from '../session/traffic.ts'
import { step } from '../steps.ts'
import { backupInEpoch, type HeardEpoch } from '../verify/followEpoch.ts'
import { backupDatabase, type Reconciled } from './backupDatabase.ts'
import { backUpByMethod, differentialOf } from './chooseMethod.ts'
import { findGuard } from './findGuard.ts'

/** Backs up `name` and writes down what became of it. @throws as `backupDatabase`. */
export async function backupEntry(
  ports: DeviceClientPorts,
  name: string,
  options: BackupOptions | undefined,
  heard: () => HeardEpoch,
): Promise<BackupReport> {
  const entry = await ports.records.database(name)
  const identity = await ports.records.identity()
  const at = ports.clock.now()
  const { advice: advised, ...history } = await ports.records.history(name)
  let advice = advised
  const onAdvice = (given: Advice): void => {
    advice = Object.keys(given).length === 0 ? undefined : given
  }
  let isCompared = false
  const onCompared = (): void => {
    isCompared = true
  }
  let known: Pick<BackupHistory, 'epoch' | 'epochHeardAt'> = {}
  try {
    const { report, refused } = await backUpByMethod(entry.preferences.method, history, at, async (method) => {
      const done = await backupInEpoch(
        {
          ...{ server: identity.server, fetch: ports.fetch, clock: ports.clock, history, heard },
          backup: (full) =>
            backUpNow(ports, entry, identity, { ...options, method, full, history, onCompared, onAdvice }),
          isCompared: () => isCompared,
          reconcile: () =>
            withPicture(ports, entry, async (picture) => (await reconcile(ports, entry, picture)).outcome),
        },
        options?.full ?? false,
      )
      known = done.known
      return done.report
    })
    step('history')
    const guard = await findGuard(ports, identity.deviceId, report)
    const lastGuard = guard ?? history.lastGuard
    const lastFullAt = report.mode === 'full' ? at : (history.lastFullAt ?? at)
    await ports.records.setHistory(name, {
      ...{ lastSuccessAt: ports.clock.now(), lastAttempt: { at, mode: report.mode }, ...known },
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

interface Wanted extends BackupOptions {
  readonly method: BackupMethod
  readonly history: BackupHistory
  /** Everything was compared on the way. */
  onCompared(): void
  onAdvice(advice: Advice): void
}

async function backUpNow(
  ports: DeviceClientPorts,
  entry: DatabaseEntry,
  identity: Identity,
  { method, full = false, history, window, onCompared, onAdvice, ...options }: Wanted,
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
    login: {
      ...{ server, user, secret, deviceId },
      ...(ports.installation && { installation: ports.installation }),
      ...(serverLogin && { serverLogin }),
    },
    devInf: deviceInformation(identity, entry.name, {
      version: ports.version,
      fileType: ports.fileCoding?.contentType,
    }),
    ...(window && { window }),
    onAdvice,
    onProgress: (done: number, total: number) =>
      ports.onProgress({ database: entry.name, what: 'backup', done, total }),
  }
  return withPicture(ports, entry, async (picture) => {
    if (entry.kind === 'files' && ports.files) {
      const { checksum = false, allowEmpty = false } = options
      // A nightly backup of databases starts without this.
      const { backupSet } = await import('../files/backupSet.ts')
      return await backupSet(ports, request, { files: ports.files, picture, checksum, allowEmpty })
    }
    const differential = differentialOf(method, preferences, history, ports.clock.now())
    const tracker = trackerOf(ports, entry, picture, differential)
    const reconcileNow = async (): Promise<Reconciled> => {
      const compared = await tryReconcile(ports, entry, picture)
      if (compared.outcome !== 'full') onCompared()
      return compared
    }
    try {
      return await backupDatabase(ports, { ...request, tracker, reconcile: reconcileNow })
    } finally {
      tracker.close()
    }
  })
}

async function withPicture<T>(
  ports: DeviceClientPorts,
  entry: DatabaseEntry,
  work: (picture: SqlDatabase) => Promise<T>,
): Promise<T> {
  const picture = ports.openPicture(entry.name)
  try {
    return await work(picture)
  } finally {
    picture.close()
  }
}

async function reconcile(ports: DeviceClientPorts, entry: DatabaseEntry, picture: SqlDatabase): Promise<Reconciled> {
  // Files are told whole: there are no rows to compare.
  if (entry.kind === 'files') return { outcome: 'full', traffic: noTraffic() }
  // A nightly backup starts without it.
  const { reconcileEntry } = await import('../verify/verifyEntry.ts')
  return reconcileEntry(ports, entry, picture)
}

/** Whatever keeps a comparison from its end: the whole file says everything. */
async function tryReconcile(ports: DeviceClientPorts, entry: DatabaseEntry, picture: SqlDatabase): Promise<Reconciled> {
  try {
    return await reconcile(ports, entry, picture)
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause
    ports.log.info('the copy could not be compared', { database: entry.name, code: cause.code })
    return { outcome: 'full', traffic: noTraffic() }
  }
}
