/**
 * One device's database and its copy on the server, without a network between them: the real tracker, the real
 * Delta, the real application. After each night the copy can be held against the database by independent dumps.
 */

import { randomBytes } from 'node:crypto'
import { copyFileSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { openDeviceDatabase } from '../../device-client/node/betterSqlite.ts'
import { takeFileImage } from '../../device-client/node/fileImage.ts'
import type { TrackingMethod } from '../../device-client/observe/preparedBackup.ts'
import { Tracker } from '../../device-client/observe/tracker.ts'
import type { SqlDatabase as DeviceDatabase, Random } from '../../device-client/ports.ts'
import { observeSteps } from '../../device-client/steps.ts'
import { CodedError, errorEntry } from '../../schemas/errors.ts'
import { type ApplyOutcome, applyDelta, type PastOrder } from '../../server/backup/applyDelta.ts'
import { importFile } from '../../server/backup/importFile.ts'
import { NeedsSnapshotError } from '../../server/backup/keepPast.ts'
import { pagePassphrase } from '../../server/backup/pageCipher.ts'
import { buildImageFile } from '../../server/restore/buildImageFile.ts'
import { openDatabase } from '../../server/sql/betterSqlite.ts'
import type { SqlDatabase } from '../../server/sql/sqlDatabase.ts'
import { canonicalDump, dumpDatabase } from './canonicalDump.ts'
import { FromFiles } from './databaseFiles.ts'
import { AgentKilledError, type KillPoint, keepFiles } from './killedAgent.ts'
import { type NightOptions, type NightResult, readEvents } from './lifeNight.ts'
import { makeMemoryFolder } from './memoryFolder.ts'
import { RememberedStates } from './rememberedStates.ts'

const random: Random = { bytes: (length) => new Uint8Array(randomBytes(length)) }

export class DeviceLife {
  readonly dir: string
  readonly path: string
  readonly method: TrackingMethod
  readonly key = randomBytes(32)
  readonly #picturePath: string
  #pictureDriver: DeviceDatabase
  #putBack: (() => void) | undefined
  #copyPath: string | undefined
  #copies = 0
  readonly #deviceText = new FromFiles()
  readonly #copyText = new FromFiles()
  tracker: Tracker
  /** Every Delta text that was ever sent. */
  readonly sent: string[] = []
  #states: RememberedStates | undefined
  /** As the next tracker is told. */
  differential: { readonly renew: boolean } | undefined
  static async create(setup: string, method: TrackingMethod = 'triggers', before = ''): Promise<DeviceLife> {
    const dir = makeMemoryFolder('nightferry-life-')
    const path = join(dir, 'app.db')
    const driver = new Database(path)
    if (before) driver.exec(before)
    driver.exec('PRAGMA synchronous=OFF')
    driver.exec(setup)
    driver.close()
    return new DeviceLife(dir, path, method)
  }

  constructor(dir: string, path: string, method: TrackingMethod) {
    this.dir = dir
    this.path = path
    this.method = method
    this.#picturePath = join(dir, 'picture.db')
    new Database(this.#picturePath).close()
    this.#pictureDriver = this.#openFast()
    this.tracker = this.#newTracker()
    this.tracker.install()
  }

  #openFast(path = this.#picturePath): DeviceDatabase {
    const driver = openDeviceDatabase(path)
    driver.exec('PRAGMA synchronous=OFF')
    return driver
  }

  #newTracker(): Tracker {
    const open = () => this.#openFast(this.path)
    const differs = this.differential && { differential: this.differential }
    return new Tracker({ open, picture: this.#pictureDriver, random, method: this.method, ...differs })
  }

  /** The agent was killed and starts again. */
  restart(): void {
    this.tracker = this.#newTracker()
  }

  /** Keeps the database's file as it is now. */
  keepFile(): void {
    copyFileSync(this.path, join(this.dir, 'kept.db'))
  }

  /**
   * The kept file takes the database's place again, if one was kept, and the application goes on with it. An old file
   * that nobody writes to is known by its footprint (DC-27), which lives do without.
   */
  comeBack(): void {
    const kept = join(this.dir, 'kept.db')
    if (!existsSync(kept)) return
    copyFileSync(kept, this.path)
    this.app('CREATE TABLE IF NOT EXISTS "came back"(x); INSERT INTO "came back" VALUES(random())')
    this.restart()
  }

  /** The agent's own files are gone, the database is not. */
  losePicture(): void {
    this.#pictureDriver.close()
    rmSync(this.#picturePath)
    new Database(this.#picturePath).close()
    this.#pictureDriver = this.#openFast()
    this.restart()
  }

  /** What the application does, on a connection of its own. */
  app(sql: string, pragmas = ''): void {
    this.use((driver) => driver.exec(sql), pragmas)
  }

  use(work: (driver: InstanceType<typeof Database>) => void, pragmas = ''): void {
    const driver = new Database(this.path)
    try {
      driver.pragma('foreign_keys=OFF')
      driver.pragma('recursive_triggers=OFF')
      driver.pragma('synchronous=OFF')
      if (pragmas) driver.exec(pragmas)
      work(driver)
    } finally {
      driver.close()
    }
  }

  /** One night, with the fallback to a full backup that a 508 asks for. */
  async night(options: NightOptions = {}): Promise<NightResult> {
    const { kill } = options
    observeSteps((name) => this.#dieAt(name, kill))
    try {
      return await this.#night(options)
    } catch (cause) {
      if (!(cause instanceof AgentKilledError)) throw cause
      this.#pictureDriver.close()
      this.#putBack?.()
      this.#pictureDriver = this.#openFast()
      this.restart()
      return { mode: 'killed' }
    } finally {
      observeSteps(() => undefined)
    }
  }

  #dieAt(moment: string, kill: KillPoint | undefined): void {
    if (moment !== kill) return
    this.#putBack = keepFiles([this.path, this.#picturePath])
    throw new AgentKilledError(moment)
  }

  async #night(options: NightOptions): Promise<NightResult> {
    const { kill } = options
    const prepared = options.full ? 'full' : this.tracker.prepareDelta()
    if (prepared === 'none') return { mode: 'none' }
    if (prepared === 'full') return this.#full(options)
    let text = ''
    try {
      this.#dieAt('sealed', kill)
      for (const piece of prepared.pieces()) text += piece
      this.#dieAt('during-extraction', kill)
    } catch (cause) {
      // Nothing that this does outlives the kill: the files come back as they were.
      prepared.discard()
      throw cause
    }
    const backup = prepared.finish()
    this.#dieAt('extracted', kill)
    backup.markSent()
    this.#dieAt('marked-sent', kill)
    this.sent.push(text)
    try {
      const outcome = await this.deliver(text)
      if (options.duplicate) await this.deliver(text)
      this.#dieAt('delivered', kill)
      if (!options.loseAnswer) backup.acknowledge()
      this.#dieAt('acknowledged', kill)
      const { number: _, token: __, ...applied } = outcome
      return { mode: 'delta', ...applied, counts: backup.counts, text }
    } catch (cause) {
      const needsFull = cause instanceof CodedError && errorEntry(cause.code).status === 508
      if (!needsFull) throw cause
      const full = await this.#full(options)
      return { ...full, reason: cause.message }
    }
  }

  /** A Delta arrives at the server. */
  async deliver(text: string): Promise<ApplyOutcome> {
    if (!this.#copyPath) throw new CodedError('anchor.mismatch', 'there is no copy')
    const order: PastOrder = this.#states ? { kind: 'keep', time: { takenAt: 1, sizeBytes: 1 } } : { kind: 'forget' }
    const outcome = await this.#apply(text, order).catch((cause: unknown) => {
      if (!(cause instanceof NeedsSnapshotError)) throw cause
      this.#states?.takeSnapshot(this.#copyPath ?? '')
      return this.#apply(text, { kind: 'forget' })
    })
    if (outcome.outcome === 'applied') this.#states?.remember(this.#copyPath)
    return outcome
  }

  async #apply(text: string, order: PastOrder): Promise<ApplyOutcome> {
    const copy = this.#openCopy(this.#copyPath ?? '')
    copy.pragma('ignore_check_constraints=ON')
    try {
      return await applyDelta(copy, readEvents(text), () => {}, order)
    } finally {
      copy.close()
    }
  }

  #openCopy(path: string): SqlDatabase {
    return openDatabase(path, { cipher: { kind: 'aegis', key: this.key }, pragmas: ['synchronous=OFF'] })
  }

  /** From now on every state of the copy can be gone back to. */
  rememberStates(): RememberedStates {
    const states = new RememberedStates({
      folder: this.dir,
      open: (path) => this.#openCopy(path),
      dump: (path) => this.#withImage((image) => [...dumpDatabase(image)].join('\n'), undefined, path),
    })
    if (this.#copyPath) states.remember(this.#copyPath)
    this.#states = states
    return states
  }

  /** Older states are kept no longer. */
  forgetStates(): void {
    this.#states = undefined
  }

  async #full(options: NightOptions): Promise<NightResult> {
    const { position, lineage } = this.tracker.prepareFull()
    const image = await takeFileImage(this.path, this.dir)
    try {
      const database = image.open()
      const backup = this.tracker.describeImage({ database, journalMode: image.journalMode }, lineage, position)
      database.close()
      if (!backup) throw new Error('the schema changed meanwhile')
      this.#dieAt('extracted', options.kill)
      backup.markSent()
      this.#dieAt('marked-sent', options.kill)
      const copyPath = join(this.dir, `copy${++this.#copies}.db`)
      const target = { copyPath, copyKey: this.key.toString('hex'), position: { lineage, ...position } }
      const result = await importFile(target, image.read())
      if (this.#copyPath && !this.#states) rmSync(this.#copyPath)
      this.#copyPath = result.kind === 'sql' ? copyPath : undefined
      if (this.#copyPath) this.#states?.remember(this.#copyPath)
      this.#dieAt('delivered', options.kill)
      if (!options.loseAnswer) backup.acknowledge()
      this.#dieAt('acknowledged', options.kill)
      return { mode: 'full', kind: result.kind, ...(result.reason ? { reason: result.reason } : {}) }
    } finally {
      await image.dispose()
    }
  }

  /** The device's database, canonically. */
  deviceDump(): string {
    return this.#deviceText.read(this.path, () => canonicalDump(this.path))
  }

  readonly copyFile = (): string => this.#copyPath ?? ''

  /** What a restore would hand out, canonically. */
  copyDump(): string {
    const make = (): string => this.#withImage((image) => [...dumpDatabase(image)].join('\n'))
    return this.#copyText.read(this.#copyPath ?? '', make)
  }

  /** Writes what a restore would hand out to `path`, as a plain file. */
  writeCopy(path: string): void {
    this.#withImage((image) => image.exec("PRAGMA rekey=''"), path)
  }

  #withImage<T>(work: (image: SqlDatabase) => T, plainPath?: string, copyPath = this.#copyPath): T {
    if (!copyPath) throw new Error('there is no copy')
    const imagePath = plainPath ?? join(this.dir, `image${++this.#copies}`)
    const passphrase = pagePassphrase(randomBytes(32))
    buildImageFile({ copyPath, copyKey: this.key, imagePath, passphrase }, () => {})
    const image = openDatabase(imagePath, { cipher: { kind: 'aes256cbc', passphrase } })
    try {
      return work(image)
    } finally {
      image.close()
      if (!plainPath) rmSync(imagePath)
    }
  }

  dispose(): void {
    this.#pictureDriver.close()
    rmSync(this.dir, { recursive: true, force: true })
  }
}
