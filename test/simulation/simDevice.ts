/**
 * One device of a simulation: an application that writes, the real tracker and the real backup and restore of the
 * client, over a network that loses, doubles, delays and parts. It is killed by never going on.
 */

import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { backupDatabase } from '../../device-client/backup/backupDatabase.ts'
import { openDeviceDatabase } from '../../device-client/node/betterSqlite.ts'
import { createFileImager } from '../../device-client/node/fileImage.ts'
import { fileRestoreTarget } from '../../device-client/node/fileRestoreTarget.ts'
import { createFileScratch } from '../../device-client/node/fileScratch.ts'
import { nodeGzip } from '../../device-client/node/gzip.ts'
import { Tracker } from '../../device-client/observe/tracker.ts'
import type { Scratch } from '../../device-client/ports.ts'
import { restoreDatabase } from '../../device-client/restore/restoreDatabase.ts'
import { CodedError } from '../../schemas/errors.ts'
import { canonicalDump } from '../support/canonicalDump.ts'
import { FromFiles } from '../support/databaseFiles.ts'
import { type LifeNight, perform } from '../support/lifeOperations.ts'
import { memoryKeyStore } from '../support/lossyFetch.ts'
import { type CopyLook, createCopyLook } from './copyLook.ts'
import { createSimNetwork, type Traffic } from './simNetwork.ts'
import { simPorts, simRandom } from './simPorts.ts'
import { ACCOUNT, DATABASE, SECRET, type SimServer, USER } from './simServer.ts'
import type { World } from './world.ts'

export interface SimDeviceParts {
  readonly world: World
  readonly server: SimServer
  readonly folder: string
  readonly deviceId: string
  readonly method: 'triggers' | 'compare'
  readonly nights: readonly LifeNight[]
}

export class SimDevice {
  readonly deviceId: string
  readonly path: string
  readonly #parts: SimDeviceParts
  readonly #keyStore = memoryKeyStore()
  readonly #folder: string
  #night = 0
  #life = 0
  /** The state the server acknowledged last, and those that left since. */
  acknowledged: string | undefined
  #sent: string[] = []
  /** True while a backup or restore is under way. */
  busy = false
  /** True while no message passes between this device and the server. */
  parted = false
  /** A life that the server may not know, or that others went on with: 508 is right then. */
  #fullAllowed = true
  readonly #traffic: Traffic = { worked: 0, late: 0 }
  readonly #text = new FromFiles()
  readonly #look: CopyLook

  constructor(parts: SimDeviceParts) {
    this.#parts = parts
    this.deviceId = parts.deviceId
    this.#folder = join(parts.folder, parts.deviceId)
    mkdirSync(join(this.#folder, 'images'), { recursive: true })
    this.path = join(this.#folder, 'app.db')
    this.#look = createCopyLook(parts.server, parts.deviceId, this.#folder, parts.world.tally)
  }

  /** The application begins, and is observed. */
  install(setup: string): void {
    this.app((driver) => driver.exec(setup))
    this.#withTracker((tracker) => tracker.install())
  }

  app(work: (driver: InstanceType<typeof Database>) => void): void {
    const driver = new Database(this.path, { timeout: 2000 })
    try {
      driver.exec('PRAGMA foreign_keys=OFF; PRAGMA recursive_triggers=OFF; PRAGMA synchronous=OFF')
      work(driver)
    } finally {
      driver.close()
    }
  }

  /** The application works for a while. */
  live(): void {
    const { nights } = this.#parts
    const night = nights[this.#night++ % nights.length]
    this.app((driver) => {
      // A file that came back may hold the table already, and changed since.
      const name = `"life${this.#night}"`
      driver.exec(`DROP TABLE IF EXISTS ${name}; CREATE TABLE ${name}(x); INSERT INTO ${name} VALUES(1)`)
      driver.exec(`DROP TABLE IF EXISTS "life${this.#night - 2}"`)
      if (night) perform(driver, night.operations)
    })
  }

  /** The process ends, whatever it does; what it waits for never comes. */
  kill(): void {
    if (this.busy) this.#tally['device killed'] += 1
    this.#life += 1
    this.busy = false
  }

  /** One try of a backup; failures that a night can have are counted. @returns true if it was acknowledged. */
  async backUp(full = false): Promise<boolean> {
    return this.#alone(async (life) => {
      if (this.#traffic.late > 0) this.#tally['two sessions'] += 1
      const picture = this.#picture()
      let state = this.dump()
      let parcels = 0
      const allowed = this.#fullAllowed
      const files = createFileScratch(join(this.#folder, 'images'))
      const scratch: Scratch = {
        fill: async (source) => {
          const content = await files.fill(source)
          // A whole file begins a life of its own, and its answer may be lost.
          if (full || ++parcels > 1) this.#fullAllowed = true
          // What was extracted is what the database held when it was: nothing else ran meanwhile.
          state = this.dump()
          this.#sent.push(state)
          return content
        },
      }
      const ports = {
        ...this.#parties(life).ports,
        scratch,
        imager: createFileImager(join(this.#folder, 'images')),
        gzip: nodeGzip,
      }
      const request = {
        database: DATABASE,
        path: this.path,
        tracker: this.#tracker(picture),
        full,
        login: { server: 'http://server', user: USER, secret: SECRET, deviceId: this.deviceId },
        devInf: { verDtd: '1.2', devId: this.deviceId, devTyp: 'workstation', dataStores: [] },
      } as unknown as Parameters<typeof backupDatabase>[1]
      const report = await backupDatabase(ports, request)
      this.#tally[report.mode] += 1
      if (report.mode === 'full' && !full && this.acknowledged !== undefined) this.#tally['full after 508'] += 1
      if (report.mode === 'full' && !full && !allowed)
        throw new Error(`${this.deviceId}: a night needed the whole file`)
      this.#fullAllowed = false
      this.acknowledged = state
      this.#sent = []
      picture.close()
      await this.expectCopy()
    })
  }

  /** Restores what a device has to this device's place. */
  async restore(fromDeviceId: string): Promise<boolean> {
    return this.#alone(async (life) => {
      const caller = { accountId: ACCOUNT, deviceId: this.deviceId }
      const { server } = this.#parts
      let restored: string | undefined
      const { network, ports } = this.#parties(life)
      const { call } = network
      const [newest] = await call(() => server.restores.listPoints(ACCOUNT, fromDeviceId, DATABASE))
      const picture = this.#picture()
      await restoreDatabase({
        calls: {
          createRestore: () => call(() => server.restores.createRestore(caller, { database: DATABASE, fromDeviceId })),
          readSegment: (id, segment) =>
            call(async () => (await server.restores.readSegment(caller, id, segment)).bytes),
          completeRestore: (id) => call(() => server.restores.completeRestore(caller, id)),
        },
        target: fileRestoreTarget(this.path),
        // As the client does: what was kept is gone on with only while nothing newer is there (RS-16).
        wanted: JSON.stringify([fromDeviceId, newest?.takenAt]),
        adopt: (position) => {
          this.#fullAllowed = true
          // From here on the server may hear of it, and this device may not hear that it did.
          restored = this.dump()
          this.#sent.push(restored)
          this.#tracker(picture).adopt(position.lineage, position)
          return () => this.#tracker(picture).confirmAdopted(position.lineage)
        },
        gzip: nodeGzip,
        clock: ports.clock,
      })
      picture.close()
      this.#fullAllowed = false
      this.#tally[fromDeviceId === this.deviceId ? 'restored own' : 'restored other'] += 1
      this.acknowledged = restored
      this.#sent = []
      await this.expectCopy()
    })
  }

  /** Keeps the database's file as it is now; `comeBack` puts it in place again. */
  keepFile(): void {
    this.app((driver) => driver.pragma('wal_checkpoint(TRUNCATE)'))
    copyFileSync(this.path, join(this.#folder, 'kept.db'))
  }

  comeBack(): void {
    const kept = join(this.#folder, 'kept.db')
    if (!existsSync(kept)) return
    for (const suffix of ['-wal', '-shm', '-journal']) rmSync(this.path + suffix, { force: true })
    copyFileSync(kept, this.path)
    this.#fullAllowed = true
    this.#tally['file came back'] += 1
  }

  /** What the server would give back is what was acknowledged, or what was sent since. */
  async expectCopy(): Promise<void> {
    if (this.acknowledged === undefined) return
    // Whatever fails here is no failure that a night can have.
    const held = await this.#look.held().catch((cause: unknown) => {
      throw new Error(`${this.deviceId}: what was acknowledged cannot be restored`, { cause })
    })
    if (held !== this.acknowledged && !this.#sent.includes(held))
      throw new Error(`${this.deviceId}: the copy is neither what was acknowledged nor what was sent since`)
  }

  /** What a whole restore gives, beside the network. */
  restored(): Promise<string> {
    return this.#look.restored()
  }

  /** The database as it is now, canonically. */
  dump(): string {
    return this.#text.read(this.path, () => canonicalDump(this.path))
  }

  get #tally() {
    return this.#parts.world.tally
  }

  async #alone(work: (life: number) => Promise<void>): Promise<boolean> {
    if (this.busy) return false
    this.busy = true
    const life = this.#life
    try {
      await work(life)
      return true
    } catch (cause) {
      const code = cause instanceof CodedError ? cause.code : ''
      if (!EXPECTED.has(code)) throw cause
      this.#tally.failed += 1
      return false
    } finally {
      if (life === this.#life) this.busy = false
    }
  }

  #parties(life: number) {
    const { world, server } = this.#parts
    const isAlive = (): boolean => life === this.#life
    const network = createSimNetwork({
      world,
      traffic: this.#traffic,
      isAlive,
      isParted: () => this.parted,
      afterwards: () => this.expectCopy(),
    })
    return { network, ports: simPorts({ world, server, network, keyStore: this.#keyStore, isAlive }) }
  }

  #withTracker(work: (tracker: Tracker) => void): void {
    const picture = this.#picture()
    try {
      work(this.#tracker(picture))
    } finally {
      picture.close()
    }
  }

  #picture() {
    const path = join(this.#folder, 'picture.db')
    new Database(path).close()
    return openDeviceDatabase(path)
  }

  #tracker(picture: ReturnType<typeof openDeviceDatabase>): Tracker {
    const open = () => openDeviceDatabase(this.path)
    return new Tracker({ open, picture, random: simRandom, method: this.#parts.method })
  }
}

/** What may go wrong in a night of this network. */
const EXPECTED = new Set([
  'network.unreachable',
  'session.busy',
  'auth.forbidden',
  'auth.invalid',
  'storage.unavailable',
  'protocol.malformed',
  'database.unknown',
  'restore.unknown',
])
