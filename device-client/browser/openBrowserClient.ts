/**
 * The device client in a page: the core with this folder's adapters. The page owns its sql.js databases and keeps
 * them where it likes; the client observes, backs up and replaces them by the names the page gave them.
 */

import type { Database, SqlJsStatic } from 'sql.js'
import { createAgentRecords } from '../agentRecords.ts'
import { createDeviceClient } from '../createDeviceClient.ts'
import type { DeviceClient } from '../deviceClient.ts'
import type { KeyStore, Log } from '../ports.ts'
import { createBrowserFetch } from './browserFetch.ts'
import { browserClock } from './clock.ts'
import { openMemoryPictures } from './memoryPictures.ts'
import { memoryScratch } from './memoryScratch.ts'
import { pageRestoreTarget, type RestoredPageDatabase } from './pageRestoreTarget.ts'
import { pakoGzip } from './pakoGzip.ts'
import { browserRandom } from './random.ts'
import { createSqlJsImager, createSqlJsOpener } from './sqlJs.ts'

export interface BrowserClientOptions {
  /** What `initSqlJs` gave. */
  readonly sqlJs: SqlJsStatic
  /** The page's databases by name; the name is the `path` of `add` and `restore`. A restore puts its database here. */
  readonly databases: Map<string, Database>
  /** Where records, secrets and pictures lie; in a page that of `createIndexedDbKeyStore`. */
  readonly keyStore: KeyStore
  /** Default: silent. */
  readonly log?: Log
  /** Shown in device information. */
  readonly version: string
  /** Hears of a restored database before it takes its place, e.g. to store it; if it throws, nothing is replaced. */
  readonly onRestored?: (restored: RestoredPageDatabase) => Promise<void>
  /** How far long work is, in the units of the work. */
  readonly onProgress?: (progress: {
    database: string
    what: 'backup' | 'restore'
    done: number
    total: number
  }) => void
}

export interface BrowserClient {
  readonly client: DeviceClient
  /** Gives memory back; the page's databases stay open. */
  close(): void
}

const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined }

/**
 * The client of this page. One page of an origin works with a key store at a time.
 *
 * The observers' notes live in the page's databases: store a database after a backup as after any change,
 * by `exportDatabase` (DC-26).
 */
export async function openBrowserClient(options: BrowserClientOptions): Promise<BrowserClient> {
  const { sqlJs, databases, keyStore } = options
  const records = createAgentRecords(keyStore)
  const names = (await records.databases()).map((entry) => entry.name)
  const pictures = await openMemoryPictures(sqlJs, keyStore, names)
  const accept = async (restored: RestoredPageDatabase): Promise<void> => {
    await options.onRestored?.(restored)
    databases.get(restored.path)?.close()
    databases.set(restored.path, restored.database)
  }
  const core = createDeviceClient({
    fetch: createBrowserFetch(),
    clock: browserClock,
    random: browserRandom,
    keyStore,
    log: options.log ?? silent,
    gzip: pakoGzip,
    scratch: memoryScratch,
    imager: createSqlJsImager(sqlJs, databases),
    records,
    sql: createSqlJsOpener(databases),
    openPicture: pictures.open,
    removePicture: pictures.remove,
    restoreTarget: (path) => pageRestoreTarget(sqlJs, keyStore, path, accept),
    absolutePath: (path) => path,
    nameOf: (path) => path.replace(/^.*[/\\]/, '').replace(/(?<=.)\.[^.]*$/, ''),
    version: options.version,
    onProgress: (progress) => options.onProgress?.(progress),
  })
  /** Pictures are saved also when the work failed: part of it may have been done. */
  const saved = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } finally {
      await pictures.save()
    }
  }
  const client: DeviceClient = {
    ...core,
    add: (wanted) => saved(core.add(wanted)),
    remove: (name) => saved(core.remove(name)),
    backup: (name, wanted) => saved(core.backup(name, wanted)),
    restore: (wanted) => saved(core.restore(wanted)),
  }
  return { client, close: pictures.close }
}
