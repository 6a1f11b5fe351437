/**
 * Syncs of this device with SyncML servers, wired from the parts a platform gives: what was set up, its runs, how they
 * went. Rule DC-70.
 */

import { CodedError } from '../../schemas/errors.ts'
import { toHex } from '../../schemas/hex.ts'
import { MAX_ITEM_BYTES } from '../../schemas/limits.ts'
import type { AgentRecords, Identity } from '../agentRecords.ts'
import type { KeyStore, SqlDatabase } from '../ports.ts'
import type { PeerRequest, SessionPorts } from '../session/sessionRequest.ts'
import type { ItemSource } from './itemSource.ts'
import { planChanges } from './planChanges.ts'
import { runSync } from './runSync.ts'
import type { SyncApp } from './syncApp.ts'
import { syncDevInf } from './syncDevInf.ts'
import { bindingOf, localUriOf, type SourceSpec, type SyncEntry } from './syncEntry.ts'
import { SYNC_MODES, type SyncMode } from './syncMode.ts'
import { createSyncRecords, type SyncHistory, type SyncRecords } from './syncRecords.ts'
import type { SyncReport } from './syncReport.ts'
import { SyncState } from './syncState.ts'

export interface SyncClientPorts extends SessionPorts {
  readonly keyStore: KeyStore
  readonly records: Pick<AgentRecords, 'identity' | 'secret'>
  /** The agent's own database for what the sync of this name remembers. */
  openState(name: string): SqlDatabase
  removeState(name: string): void
  /** `create`: a folder that is not there is made. @throws {CodedError} if the source is not there. */
  openSource(source: SourceSpec, app: SyncApp, create: boolean): Promise<ItemSource>
  /** Shown in device information. */
  readonly version: string
}

export interface AddSyncOptions {
  readonly name: string
  readonly app: SyncApp
  readonly source: SourceSpec
  /** Default: the server this device is registered with. */
  readonly server?: string
  readonly remote: string
  readonly user?: string
  readonly auth: 'md5' | 'basic'
  readonly encoding: 'wbxml' | 'xml'
  readonly deviceId?: string
  readonly mode: SyncMode
  readonly passwordFile?: string
}

export interface RunSyncOptions {
  readonly mode?: SyncMode
  readonly allowEmpty?: boolean
  /** Asked only where the device's own secret does not serve. */
  password(entry: SyncEntry): Promise<string>
}

export interface SyncStatus extends SyncEntry, SyncHistory {
  /** Changes here that wait; absent if the source cannot be read now. */
  readonly pending?: number
}

export interface SyncClient {
  /** Sets up a sync or changes one. @throws {CodedError} `config.invalid`, `device.unknown`, what the source throws. */
  add(options: AddSyncOptions): Promise<SyncEntry>
  remove(name: string): Promise<void>
  list(): Promise<readonly SyncEntry[]>
  /** @throws {CodedError} as `runSync`; `datastore.unknown` if there is no sync of that name. */
  run(name: string, options: RunSyncOptions): Promise<SyncReport>
  status(): Promise<readonly SyncStatus[]>
}

/** Names as a server takes them in a URI, and a file system in a name. */
const SYNC_NAME = /^(?!\.{1,2}$)[^/\\\p{Cc}]{1,64}$/u

export function createSyncClient(ports: SyncClientPorts): SyncClient {
  const records = createSyncRecords(ports.keyStore)
  return {
    add: (options) => add(ports, records, options),
    remove: async (name) => {
      await records.entry(name)
      ports.removeState(name)
      await records.remove(name)
    },
    list: () => records.entries(),
    run: (name, options) => run(ports, records, name, options),
    status: async () => Promise.all((await records.entries()).map((entry) => statusOf(ports, records, entry))),
  }
}

async function add(ports: SyncClientPorts, records: SyncRecords, options: AddSyncOptions): Promise<SyncEntry> {
  const { name, source, app } = options
  if (!SYNC_NAME.test(name)) {
    throw new CodedError('config.invalid', `not a name for a sync: ${name}`, { next: 'Choose one with --name.' })
  }
  const { server, user, deviceId, registered } = await loginOf(ports, records, options)
  // Opened once, so that a mistake shows now and not in the first night.
  const opened = await ports.openSource(source, app, true)
  await opened.close()
  const { remote, auth, encoding, mode, passwordFile } = options
  const entry: SyncEntry = {
    ...{ name, app, source, server, remote, user, auth, encoding, deviceId, mode, registered },
    ...(passwordFile === undefined ? {} : { passwordFile }),
  }
  await records.put(entry)
  return entry
}

async function loginOf(
  ports: SyncClientPorts,
  records: SyncRecords,
  options: AddSyncOptions,
): Promise<Pick<SyncEntry, 'server' | 'user' | 'deviceId' | 'registered'>> {
  if (options.server === undefined) {
    const identity: Identity = await ports.records.identity()
    const { user, deviceId } = identity
    return { server: `${identity.server}/omads`, user, deviceId, registered: true }
  }
  if (options.user === undefined) {
    throw new CodedError('config.invalid', 'there is no user for that server', { next: 'Name one with --user.' })
  }
  if (!/^https?:\/\/[^/?#\s]+/i.test(options.server)) {
    throw new CodedError('config.invalid', `not an http or https address: ${options.server}`)
  }
  const deviceId = options.deviceId ?? (await ownDeviceId(ports, records))
  return { server: options.server, user: options.user, deviceId, registered: false }
}

async function ownDeviceId(ports: SyncClientPorts, records: SyncRecords): Promise<string> {
  const held = await records.deviceId()
  if (held !== undefined) return held
  const made = `nf-${toHex(ports.random.bytes(16))}`
  await records.setDeviceId(made)
  return made
}

async function run(
  ports: SyncClientPorts,
  records: SyncRecords,
  name: string,
  options: RunSyncOptions,
): Promise<SyncReport> {
  const entry = await records.entry(name)
  const at = ports.clock.now()
  const history = await records.history(name)
  try {
    const report = await runEntry(ports, records, entry, options)
    await records.setHistory(name, { lastSuccessAt: ports.clock.now(), lastAttempt: { at, mode: report.mode } })
    return report
  } catch (cause) {
    const failure =
      cause instanceof CodedError
        ? { code: cause.code, message: cause.message }
        : { code: 'internal', message: String(cause) }
    await records.setHistory(name, { ...history, lastAttempt: { at, failure } })
    throw cause
  }
}

async function runEntry(
  ports: SyncClientPorts,
  records: SyncRecords,
  entry: SyncEntry,
  { mode = entry.mode, allowEmpty = false, password }: RunSyncOptions,
): Promise<SyncReport> {
  const secret = entry.registered ? await ports.records.secret() : await password(entry)
  const { name, app, remote } = entry
  const devInf = syncDevInf(
    { deviceId: entry.deviceId, model: 'nightferry-device', version: ports.version },
    (await neighbours(records, entry)).map((each) => ({ app: each.app, uri: localUriOf(each.name), name: each.name })),
  )
  const peer = await peerOf(entry, secret)
  return withParts(ports, entry, (source, state) =>
    runSync(
      { ...ports, source, state },
      { ...{ name, app, mode, peer, devInf, allowEmpty }, stores: { remote, local: localUriOf(name) } },
    ),
  )
}

/** Syncs that this server takes for the same device: it is told of all of them. */
async function neighbours(records: SyncRecords, entry: SyncEntry): Promise<readonly SyncEntry[]> {
  const same = (other: SyncEntry) =>
    other.server === entry.server && other.user === entry.user && other.deviceId === entry.deviceId
  return (await records.entries()).filter(same)
}

async function peerOf(entry: SyncEntry, secret: string): Promise<PeerRequest> {
  const { server, user, deviceId, auth, encoding } = entry
  return {
    ...{ serverUrl: server, userName: user, secret, deviceId, basic: auth === 'basic', maxObjSize: MAX_ITEM_BYTES },
    ...(encoding === 'xml' ? { codec: (await import('./xmlCodec.ts')).xmlCodec } : {}),
  }
}

async function withParts<T>(
  ports: SyncClientPorts,
  entry: SyncEntry,
  work: (source: ItemSource, state: SyncState) => Promise<T>,
): Promise<T> {
  const source = await ports.openSource(entry.source, entry.app, false)
  try {
    const database = ports.openState(entry.name)
    try {
      return await work(source, new SyncState(database, bindingOf(entry)))
    } finally {
      database.close()
    }
  } finally {
    await source.close()
  }
}

async function statusOf(ports: SyncClientPorts, records: SyncRecords, entry: SyncEntry): Promise<SyncStatus> {
  const history = await records.history(entry.name)
  try {
    const pending = await withParts(ports, entry, async (source, state) => {
      const { digests, unreadable } = await source.scan()
      const blocked = new Set(unreadable.map(({ luid }) => luid))
      return planChanges(SYNC_MODES['two-way'], state.picture(), digests, blocked).length
    })
    return { ...entry, ...history, pending }
  } catch (cause) {
    // A source that is locked or gone is no reason not to show the others.
    if (cause instanceof CodedError) return { ...entry, ...history }
    throw cause
  }
}
