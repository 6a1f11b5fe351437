/**
 * The life of one device whose agent, server and workers are killed: after each kill what died starts again and goes
 * on, and what must never happen (design, section 11) is looked for. Real processes, real files, real HTTP.
 */

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { canonicalDump } from '../support/canonicalDump.ts'
import { perform, setupSql } from '../support/lifeOperations.ts'
import type { TestAccount } from '../support/startServer.ts'
import type { AgentOrder, AgentReply } from './agentChild.ts'
import { type CrashAgent, createCrashAgent, type Outcome } from './crashAgent.ts'
import type { CrashServer } from './crashServer.ts'
import { duringKill } from './duringKill.ts'
import { type LifeCounts, noCounts, planOf } from './lifePlan.ts'
import type { Kill } from './scenes.ts'

/** Text that stands in every database and may stand nowhere at the server. */
export const CANARY = 'canary-of-crash-lives-7f3a'
const TRIES = 8
const DATABASE = 'app'

export interface CrashLifeParts {
  readonly server: CrashServer
  readonly account: TestAccount
  /** An empty folder of this life's own. */
  readonly folder: string
  readonly seed: number
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex')

export class CrashLife {
  readonly #parts: CrashLifeParts
  readonly #path: string
  #device: string
  readonly #plan: ReturnType<typeof planOf>
  #agent: CrashAgent
  #night = 0
  readonly #kills: Kill[] = []
  #counts = noCounts()
  #others = 0
  /** The last state that was acknowledged, and those that were sent after it. */
  #acknowledged: string | undefined
  #sent: string[] = []
  readonly #everSent = new Set<string>()
  /** A full backup without an answer begins a life that the server may not know: 508 is right then. */
  #fullAllowed = true

  constructor(parts: CrashLifeParts) {
    this.#parts = parts
    this.#device = `d${parts.seed}`
    this.#plan = planOf(parts.seed)
    this.#path = join(parts.folder, 'files', 'app.db')
    mkdirSync(join(parts.folder, 'files'), { recursive: true })
    this.#agent = createCrashAgent(join(parts.folder, 'home'), parts.server.killFile)
    this.#use((driver) => {
      driver.exec(`PRAGMA encoding='${this.#plan.encoding}'; CREATE TABLE canary(x)`)
      driver.exec(`INSERT INTO canary VALUES('${CANARY}')`)
      driver.exec(setupSql(this.#plan.tables))
    })
  }

  /** Begins the life; `kill` may come while account, device or observers are made. */
  async begin(kill: Kill): Promise<boolean> {
    const { server, account } = this.#parts
    const happened = await duringKill(kill, server, this.#agent, async () => {
      if (kill.step?.startsWith('account')) await this.#register()
      this.#device = await this.#init(this.#agent, this.#device, account, server.url)
      await this.#must(this.#agent, { name: 'add', args: [{ path: this.#path, tracking: this.#plan.method }] })
      await this.#backup(true)
    })
    await this.#settle()
    return happened
  }

  /** One occasion with one kill; what must hold afterwards is checked. @returns whether the kill came. */
  async suffer(kill: Kill): Promise<boolean> {
    this.#kills.push(kill)
    this.#change(kill.scene === 'large')
    const happened = await duringKill(kill, this.#parts.server, this.#agent, () => this.#scene(kill))
    if (kill.scene === 'look' || kill.scene === 'home' || kill.scene === 'clone') return happened
    await this.#look()
    await this.#settle()
    return happened
  }

  /** What was counted since the last call. */
  takeCounts(): LifeCounts {
    const counts = this.#counts
    this.#counts = noCounts()
    return counts
  }

  /** Ends the life: a last night, and a restore that equals it. */
  async end(): Promise<void> {
    this.#change(false)
    await this.#settle()
    await this.#look()
    await this.#lookBack()
    await this.#agent.close()
  }

  /** Older states are among those that were sent (TM-1): the oldest, the one before this, one between. */
  async #lookBack(): Promise<void> {
    const points = Object.values(await this.#must(this.#agent, { name: 'points', args: [DATABASE] })) as {
      point: string
    }[]
    const to = join(this.#parts.folder, 'files', 'back.db')
    for (const at of new Set([1, points.length >> 1, points.length - 1])) {
      const order = { name: 'restore', args: [{ database: DATABASE, to, at: points[at]?.point ?? 'latest' }] } as const
      await this.#must(this.#agent, { name: order.name, args: [...order.args] })
      this.#expect(this.#everSent.has(digest(this.#restored(to))), 'an older state comes back that was never sent')
    }
  }

  async #scene({ scene }: Kill): Promise<void> {
    if (scene === 'night' || scene === 'large') return void (await this.#backup(false))
    if (scene === 'full') return void (await this.#backup(false, true))
    await this.#settle()
    if (scene === 'look') await this.#look()
    else if (scene === 'home') await this.#comeHome()
    else if (scene === 'clone') await this.#clone()
  }

  /** The database is lost and restored to its place; the next night needs no whole file. */
  async #comeHome(): Promise<void> {
    const wanted = this.#acknowledged
    await this.#must(this.#agent, { name: 'restore', args: [{ database: DATABASE, to: this.#path }] })
    this.#expect(this.#restored(this.#path) === wanted, 'a restore differs from what was acknowledged')
    this.#expectNoRest(this.#path)
    this.#change(false)
    await this.#settle()
  }

  /** Another device takes over: its database equals this one's, and its next night needs no whole file. */
  async #clone(): Promise<void> {
    const { server, account, folder } = this.#parts
    const name = `${this.#device}x${this.#others++}`
    const agent = createCrashAgent(join(folder, `home-${name}`), server.killFile)
    const to = join(folder, 'files', `${name}.db`)
    try {
      await this.#init(agent, name, account, server.url)
      const args = [{ database: DATABASE, to, fromDevice: this.#device, password: account.password }] as const
      await this.#must(agent, { name: 'restore', args: [...args] })
      this.#expect(this.#restored(to) === this.#acknowledged, 'a replacement differs from what was acknowledged')
      this.#expectNoRest(to)
      this.#use((driver) => driver.exec('CREATE TABLE replacement(x); INSERT INTO replacement VALUES(1)'), to)
      const report = await this.#must(agent, { name: 'backup', args: [DATABASE] })
      this.#expect(report.mode === 'delta', `the first night of a replacement was ${report.mode}`)
    } finally {
      await agent.close()
    }
  }

  /** What a restore beside the database gives: the acknowledged state, or one that was sent since. */
  async #look(): Promise<void> {
    if (this.#acknowledged === undefined) return
    const to = join(this.#parts.folder, 'files', 'look.db')
    await this.#must(this.#agent, { name: 'restore', args: [{ database: DATABASE, to }] })
    const seen = this.#restored(to)
    const known = [this.#acknowledged, ...this.#sent]
    this.#expect(known.includes(seen), 'a restore gives neither what was acknowledged nor what was sent since')
    this.#expectNoRest(to)
  }

  #restored(path: string): string {
    this.#counts.restores += 1
    return canonicalDump(path)
  }

  /** Backs up until it is acknowledged, without kills. */
  async #settle(): Promise<void> {
    for (let attempt = 0; attempt < TRIES; attempt++)
      if (await this.#backup(attempt === 0 && !this.#acknowledged)) return
    this.#expect(false, 'no backup succeeds any more')
  }

  /** One try. @returns true if it was acknowledged. */
  async #backup(first: boolean, full = false): Promise<boolean> {
    const state = canonicalDump(this.#path)
    this.#sent.push(state)
    this.#everSent.add(digest(state))
    const outcome = await this.#agent.run({ name: 'backup', args: [DATABASE, { full }] })
    if (outcome === 'killed' || !outcome.ok) {
      this.#fullAllowed ||= full || first
      this.#expectKnown(outcome)
      await this.#parts.server.ready()
      return false
    }
    const { mode } = outcome.report
    this.#expect(mode !== 'full' || full || this.#fullAllowed, 'a night needed the whole file')
    this.#counts[`${mode as 'delta' | 'full' | 'none'}s`] += 1
    this.#acknowledged = state
    this.#sent = []
    this.#fullAllowed = false
    return true
  }

  async #init(agent: CrashAgent, device: string, account: TestAccount, server: string): Promise<string> {
    const names: string[] = []
    for (let attempt = 0; attempt < TRIES; attempt++) {
      // A name whose registration was cut off is taken; the device takes another.
      const name = attempt === 0 ? device : `${device}-${attempt}`
      names.push(name)
      const args = [{ server, user: account.user, password: account.password, device: name }] as const
      const outcome = await agent.run({ name: 'init', args: [...args] })
      if (outcome !== 'killed' && outcome.ok) return name
      // It was registered in the try before, which was killed only then.
      if (outcome !== 'killed' && outcome.code === 'config.invalid') return names.at(-2) ?? name
      this.#expectKnown(outcome)
      await this.#parts.server.ready()
    }
    return this.#fail('the device cannot be registered')
  }

  /** Registers an account until it is there. */
  async #register(): Promise<void> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const server = await this.#parts.server.ready()
      try {
        await server.createAccount()
        return
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }

  /** Repeats an order until it succeeds: what died starts again in between. */
  async #must(agent: CrashAgent, order: AgentOrder): Promise<Readonly<Record<string, unknown>>> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const outcome = await agent.run(order)
      if (outcome !== 'killed' && outcome.ok) return outcome.report
      this.#expectKnown(outcome)
      await this.#parts.server.ready()
    }
    return this.#fail(`${order.name} never succeeds`)
  }

  #change(large: boolean): void {
    const night = this.#plan.nights[this.#night++ % this.#plan.nights.length]
    this.#use((driver) => {
      if (night) perform(driver, night.operations)
      // The operations may rename or drop any table: what surely changes comes after them.
      driver.exec(`DROP TABLE IF EXISTS "large${this.#night - 2}"; CREATE TABLE "large${this.#night}"(x)`)
      driver.exec(`INSERT INTO "large${this.#night}" VALUES(${large ? 'randomblob(1500000)' : this.#night})`)
    })
  }

  #use(work: (driver: InstanceType<typeof Database>) => void, path = this.#path): void {
    const driver = new Database(path)
    try {
      driver.pragma('foreign_keys=OFF')
      driver.pragma('recursive_triggers=OFF')
      work(driver)
    } finally {
      driver.close()
    }
  }

  /** Nothing half done lies beside a restored file. */
  #expectNoRest(path: string): void {
    const name = path.slice(path.lastIndexOf('/') + 1)
    const rest = readdirSync(join(path, '..')).filter((file) => file.startsWith(name) && file !== name)
    this.#expect(rest.every((file) => /-(wal|shm)$/.test(file)) && existsSync(path), `left beside: ${rest.join(', ')}`)
  }

  #expectKnown(outcome: Outcome): void {
    const expected = new Set(['network.unreachable', 'session.busy', 'storage.unavailable', 'device.exists'])
    if (outcome === 'killed' || outcome.ok) return
    const { code, message } = outcome as Extract<AgentReply, { ok: false }>
    this.#expect(expected.has(code), `${code}: ${message}`)
  }

  #expect(holds: boolean, what: string): void {
    if (!holds) this.#fail(what)
  }

  #fail(what: string): never {
    throw new Error(
      `seed ${this.#parts.seed}, night ${this.#night}: ${what}; kills: ${JSON.stringify(this.#kills.slice(-3))}`,
    )
  }
}
