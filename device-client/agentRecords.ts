/**
 * What the agent remembers between runs, as typed records of the key store: who it is, which databases it looks after,
 * how their backups went. Secrets are records of their own, so that nothing else ever reads or prints them.
 */

import type { JWK } from 'jose'
import type { BackupMethod } from '../schemas/backupChoice.ts'
import { CodedError } from '../schemas/errors.ts'
import type { Advice } from '../schemas/http/advice.ts'
import { decodeUtf8, encodeUtf8 } from '../schemas/utf8.ts'
import type { AttemptRecord, DatabaseEntry, GuardedPoint, VerifyRecord } from './deviceClient.ts'
import type { LastNotification } from './notify/judgeNotification.ts'
import type { KeyStore } from './ports.ts'
import type { ScheduleState } from './schedule/nextRun.ts'
import type { ServerLogin } from './session/sessionRequest.ts'
import type { VerifyMemory } from './verify/verifyDatabase.ts'

/** Who this device is; written by `init`. */
export interface Identity {
  readonly server: string
  readonly user: string
  readonly device: string
  readonly deviceId: string
}

/** How a database's backups went. */
export interface BackupHistory {
  readonly lastSuccessAt?: number
  readonly lastAttempt?: AttemptRecord
  readonly lastGuard?: GuardedPoint
  /** When the whole file was sent last, as far as a differential wants to know. */
  readonly lastFullAt?: number
  /** A method that the server's operator did not allow. */
  readonly refused?: { readonly method: BackupMethod; readonly at: number }
  /** What the server advised last: when to come next, and quotas. */
  readonly advice?: Advice
  /** The server's epoch that the copy is of, and when it was last told (DC-106). */
  readonly epoch?: string
  readonly epochHeardAt?: number
}

/** What is remembered of comparisons. */
export interface VerifyState extends VerifyMemory {
  readonly last?: VerifyRecord
}

export interface AgentRecords {
  /** @throws {CodedError} `device.unknown` before `init`. */
  identity(): Promise<Identity>
  setIdentity(identity: Identity): Promise<void>
  /** The device's SyncML secret. @throws {CodedError} `device.unknown` before `init`. */
  secret(): Promise<string>
  setSecret(secret: string): Promise<void>
  /** What the server must prove itself with; undefined if this device demands nothing (DC-52). */
  serverLogin(): Promise<ServerLogin | undefined>
  setServerLogin(login: ServerLogin): Promise<void>
  /** Public keys the server signs restores with, as this device saw them first; undefined before the first restore. */
  serverKeys(): Promise<readonly JWK[] | undefined>
  setServerKeys(keys: readonly JWK[]): Promise<void>
  /** The last notification that was obeyed. */
  lastNotification(): Promise<LastNotification | undefined>
  setLastNotification(last: LastNotification): Promise<void>
  /** By what this installation is told from copies of it; empty before the first backup. */
  installation(): Promise<readonly string[]>
  setInstallation(values: readonly string[]): Promise<void>
  databases(): Promise<readonly DatabaseEntry[]>
  /** @throws {CodedError} `database.unknown`. */
  database(name: string): Promise<DatabaseEntry>
  /** Adds the entry or replaces the one of that name. */
  putDatabase(entry: DatabaseEntry): Promise<void>
  /** Forgets the entry and what was remembered of it. */
  removeDatabase(name: string): Promise<void>
  history(database: string): Promise<BackupHistory>
  setHistory(database: string, history: BackupHistory): Promise<void>
  verification(database: string): Promise<VerifyState>
  setVerification(database: string, state: VerifyState): Promise<void>
  /** Where the file of a Delivery took its name; undefined if it did not. */
  delivery(deliveryId: string): Promise<{ readonly path: string } | undefined>
  setDelivery(deliveryId: string, delivery: { readonly path: string }): Promise<void>
  schedule(database: string): Promise<ScheduleState | undefined>
  setSchedule(database: string, state: ScheduleState): Promise<void>
}

/** The records of `keyStore`. Each is written whole; two writers must keep apart by a lock. */
export function createAgentRecords(keyStore: KeyStore): AgentRecords {
  const read = async (key: string) => {
    const octets = await keyStore.get(key)
    return octets === undefined ? undefined : parseRecord(key, octets)
  }
  const write = (key: string, value: unknown) => keyStore.set(key, encodeUtf8(JSON.stringify(value)))
  const databases = async () => ((await read('databases')) ?? []) as readonly DatabaseEntry[]
  const known = <T>(record: unknown) => {
    if (record !== undefined) return record as T
    throw new CodedError('device.unknown', 'this device is not registered yet', {
      next: 'Run "nightferry-device init" first.',
    })
  }
  return {
    identity: async () => known<Identity>(await read('identity')),
    setIdentity: (identity) => write('identity', identity),
    secret: async () => known<string>(await read('secret')),
    setSecret: (secret) => write('secret', secret),
    serverLogin: async () => (await read('server-login')) as ServerLogin | undefined,
    setServerLogin: (login) => write('server-login', login),
    serverKeys: async () => (await read('server-keys')) as readonly JWK[] | undefined,
    setServerKeys: (keys) => write('server-keys', keys),
    installation: async () => ((await read('installation')) ?? []) as readonly string[],
    setInstallation: (values) => write('installation', values),
    lastNotification: async () => (await read('notification')) as LastNotification | undefined,
    setLastNotification: (last) => write('notification', last),
    databases,
    database: async (name) => {
      const found = (await databases()).find((entry) => entry.name === name)
      if (found !== undefined) return found
      throw new CodedError('database.unknown', `there is no database ${name} here`, {
        next: 'Run "nightferry-device list" to see the names.',
        fields: { database: name },
      })
    },
    putDatabase: async (entry) => {
      const others = (await databases()).filter((other) => other.name !== entry.name)
      await write('databases', [...others, entry])
    },
    removeDatabase: async (name) => {
      await write(
        'databases',
        (await databases()).filter((entry) => entry.name !== name),
      )
      await keyStore.delete(`history/${name}`)
      await keyStore.delete(`schedule/${name}`)
      await keyStore.delete(`verification/${name}`)
    },
    history: async (name) => ((await read(`history/${name}`)) ?? {}) as BackupHistory,
    setHistory: (name, history) => write(`history/${name}`, history),
    verification: async (name) => ((await read(`verification/${name}`)) ?? {}) as VerifyState,
    setVerification: (name, state) => write(`verification/${name}`, state),
    delivery: async (id) => (await read(`delivery/${id}`)) as { readonly path: string } | undefined,
    setDelivery: (id, delivery) => write(`delivery/${id}`, delivery),
    schedule: async (name) => (await read(`schedule/${name}`)) as ScheduleState | undefined,
    setSchedule: (name, state) => write(`schedule/${name}`, state),
  }
}

/** A record as it was written. @throws {CodedError} `storage.corrupt`. */
export function parseRecord(key: string, octets: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(octets) ?? '')
  } catch (cause) {
    throw new CodedError('storage.corrupt', `the agent's record ${key} is damaged`, { cause, fields: { key } })
  }
}
