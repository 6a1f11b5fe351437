/** What the agent remembers of its syncs between runs, as typed records of the key store. */

import { CodedError } from '../../schemas/errors.ts'
import { encodeUtf8 } from '../../schemas/utf8.ts'
import { parseRecord } from '../agentRecords.ts'
import type { KeyStore } from '../ports.ts'
import type { SyncEntry } from './syncEntry.ts'
import type { SyncMode } from './syncMode.ts'

/** How the runs of a sync went. Moments in milliseconds since 1970. */
export interface SyncHistory {
  readonly lastSuccessAt?: number
  readonly lastAttempt?: {
    readonly at: number
    readonly mode?: SyncMode
    readonly failure?: { readonly code: string; readonly message: string }
  }
}

export interface SyncRecords {
  entries(): Promise<readonly SyncEntry[]>
  /** @throws {CodedError} `datastore.unknown`. */
  entry(name: string): Promise<SyncEntry>
  /** Adds the entry or replaces the one of that name. */
  put(entry: SyncEntry): Promise<void>
  remove(name: string): Promise<void>
  history(name: string): Promise<SyncHistory>
  setHistory(name: string, history: SyncHistory): Promise<void>
  /** The id this device has with servers it is not registered with. */
  deviceId(): Promise<string | undefined>
  setDeviceId(deviceId: string): Promise<void>
}

/** The records of `keyStore`. Each is written whole; two writers must keep apart by a lock. */
export function createSyncRecords(keyStore: KeyStore): SyncRecords {
  const read = async (key: string): Promise<unknown> => {
    const octets = await keyStore.get(key)
    return octets === undefined ? undefined : parseRecord(key, octets)
  }
  const write = (key: string, value: unknown) => keyStore.set(key, encodeUtf8(JSON.stringify(value)))
  const entries = async () => ((await read('syncs')) ?? []) as readonly SyncEntry[]
  const others = async (name: string) => (await entries()).filter((entry) => entry.name !== name)
  return {
    entries,
    entry: async (name) => {
      const found = (await entries()).find((entry) => entry.name === name)
      if (found !== undefined) return found
      throw new CodedError('datastore.unknown', `there is no sync ${name} here`, {
        next: 'Run "nightferry-device sync status" to see the names.',
        fields: { name },
      })
    },
    put: async (entry) => write('syncs', [...(await others(entry.name)), entry]),
    remove: async (name) => {
      await write('syncs', await others(name))
      await keyStore.delete(`sync-history/${name}`)
    },
    history: async (name) => ((await read(`sync-history/${name}`)) ?? {}) as SyncHistory,
    setHistory: (name, history) => write(`sync-history/${name}`, history),
    deviceId: async () => (await read('sync-device')) as string | undefined,
    setDeviceId: (deviceId) => write('sync-device', deviceId),
  }
}
