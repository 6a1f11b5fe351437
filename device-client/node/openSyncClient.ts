/** The syncs of a home on Node: folders and tables as sources, what they remember beside the agent's records. */

import { mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import { createAgentRecords } from '../agentRecords.ts'
import type { Fetch, Log } from '../ports.ts'
import { createSyncClient, type SyncClient } from '../sync/createSyncClient.ts'
import type { ItemSource } from '../sync/itemSource.ts'
import { endingOf, type SyncApp } from '../sync/syncApp.ts'
import type { SourceSpec } from '../sync/syncEntry.ts'
import { openTableSource } from '../sync/tableSource.ts'
import { createOwnDatabase, openDeviceDatabase } from './betterSqlite.ts'
import { nodeClock } from './clock.ts'
import type { Home } from './home.ts'
import { nodeRandom } from './random.ts'
import { openVdirSource } from './vdirSource.ts'

/** The syncs of `home`, over `fetch`. */
export function openSyncClient(home: Home, fetch: Fetch, log: Log, version: string): SyncClient {
  const folder = join(home.path, 'syncs')
  const statePath = (name: string) => join(folder, `${encodeURIComponent(name)}.sqlite`)
  return createSyncClient({
    ...{ fetch, log, version, clock: nodeClock, random: nodeRandom, keyStore: home.keyStore },
    records: createAgentRecords(home.keyStore),
    openState: (name) => {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      return createOwnDatabase(statePath(name))
    },
    removeState: (name) => {
      for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(statePath(name) + suffix, { force: true })
    },
    openSource,
  })
}

async function openSource(source: SourceSpec, app: SyncApp, create: boolean): Promise<ItemSource> {
  if ((source.kind === 'sqlite') !== (app === 'records')) {
    throw new CodedError('config.invalid', `${app} cannot be synchronized from ${source.kind}`, {
      next: 'Tables go with --app records, folders with any other.',
    })
  }
  if (source.kind === 'sqlite') return openTable(source.path, source.table)
  if (create) mkdirSync(source.path, { recursive: true })
  // A folder that is gone must not look like one whose items were all deleted.
  if (!isFolder(source.path)) {
    throw new CodedError('storage.unavailable', `there is no folder ${source.path}`, { next: 'Check the path.' })
  }
  return openVdirSource(source.path, endingOf(app))
}

function openTable(path: string, table: string): ItemSource {
  const database = openDeviceDatabase(path)
  try {
    return openTableSource(database, table)
  } catch (cause) {
    database.close()
    throw cause
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
