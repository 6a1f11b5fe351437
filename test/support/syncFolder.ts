/**
 * A device that synchronizes a folder of contacts with a server: its folder, what it remembers, and a network that does
 * what a test says.
 */

import { mkdirSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createOwnDatabase } from '../../device-client/node/betterSqlite.ts'
import { openVdirSource } from '../../device-client/node/vdirSource.ts'
import type { KeyStore } from '../../device-client/ports.ts'
import type { PeerRequest, SessionPorts } from '../../device-client/session/sessionRequest.ts'
import type { ItemSource } from '../../device-client/sync/itemSource.ts'
import { runSync } from '../../device-client/sync/runSync.ts'
import { endingOf, type SyncApp } from '../../device-client/sync/syncApp.ts'
import { syncDevInf } from '../../device-client/sync/syncDevInf.ts'
import type { SyncMode } from '../../device-client/sync/syncMode.ts'
import type { SyncReport } from '../../device-client/sync/syncReport.ts'
import { SyncState } from '../../device-client/sync/syncState.ts'
import { type Fault, lossyNetwork, memoryKeyStore, sessionPorts } from './lossyFetch.ts'
import { makeMemoryFolder } from './memoryFolder.ts'
import type { OmadsServer } from './omadsPeer.ts'

export interface SyncFolderOptions {
  readonly app?: SyncApp
  readonly remote?: string
  readonly peer?: Partial<PeerRequest>
  /** In place of the folder. */
  readonly openSource?: () => ItemSource
}

export interface SyncOptions {
  readonly mode?: SyncMode
  readonly allowEmpty?: boolean
  readonly faults?: readonly Fault[]
  /** In place of the network with faults. */
  readonly ports?: (keyStore: KeyStore) => SessionPorts
  readonly peer?: Partial<PeerRequest>
}

export class SyncFolder {
  readonly root = makeMemoryFolder('nightferry-sync-')
  readonly folder = join(this.root, 'items')
  readonly keyStore = memoryKeyStore()
  readonly deviceId: string
  readonly #server: OmadsServer | undefined
  readonly #options: SyncFolderOptions
  #files = 0

  constructor(server: OmadsServer | undefined, deviceId: string, options: SyncFolderOptions = {}) {
    this.#server = server
    this.deviceId = deviceId
    this.#options = options
    mkdirSync(this.folder)
  }

  /** One sync. @throws what the sync throws. */
  async sync(options: SyncOptions = {}): Promise<SyncReport> {
    const { app = 'contacts', remote = './contacts', openSource } = this.#options
    const uri = './local'
    const peer = {
      ...{ serverUrl: 'http://sync.example/omads', userName: 'alice', secret: 'secret', deviceId: this.deviceId },
      ...this.#options.peer,
      ...options.peer,
    }
    const device = { deviceId: this.deviceId, model: 'test', version: '1' }
    const source = openSource?.() ?? openVdirSource(this.folder, endingOf(app))
    const database = createOwnDatabase(join(this.root, 'state.sqlite'))
    const state = new SyncState(database, 'test')
    try {
      return await runSync(
        { ...this.#ports(options), source, state },
        {
          ...{ name: 'test', app, mode: options.mode ?? 'two-way', stores: { remote, local: uri }, peer },
          devInf: syncDevInf(device, [{ app, uri, name: 'test' }]),
          allowEmpty: options.allowEmpty ?? false,
        },
      )
    } finally {
      database.close()
      await source.close()
    }
  }

  #ports({ ports, faults }: SyncOptions): SessionPorts {
    if (ports !== undefined) return ports(this.keyStore)
    if (this.#server === undefined) throw new Error('there is no server')
    return sessionPorts(this.#server, lossyNetwork(this.#server, faults), this.keyStore)
  }

  put(text: string, name = `${this.deviceId}-${++this.#files}.vcf`): string {
    writeFileSync(join(this.folder, name), text)
    return name
  }

  remove(name: string): void {
    unlinkSync(join(this.folder, name))
  }

  names(): string[] {
    return readdirSync(this.folder).sort()
  }

  read(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8')
  }

  /** All contents, sorted. */
  contents(): string[] {
    return this.names()
      .map((name) => this.read(name))
      .sort()
  }

  dispose(): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}
