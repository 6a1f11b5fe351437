/** One real server and real agents in one folder, for tests of damage and of bad networks. */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { canonicalDump } from '../support/canonicalDump.ts'
import type { TestAccount } from '../support/startServer.ts'
import { type CrashAgent, createCrashAgent } from './crashAgent.ts'
import { type CrashServer, type CrashServerOptions, openCrashServer } from './crashServer.ts'

export interface CrashWorld {
  readonly folder: string
  readonly server: CrashServer
  readonly account: TestAccount
  /** A device with a database `app` of its own, registered at `url` (by default the server's), backed up once. */
  device(name: string, url?: string): Promise<WorldDevice>
  close(): Promise<void>
}

export interface WorldDevice {
  readonly agent: CrashAgent
  readonly path: string
  app(sql: string): void
  /** The code of a backup's failure, or its mode. */
  backUp(full?: boolean): Promise<string>
  /** The code of a restore's failure, or `equal` or `different`: what is restored beside the database. */
  look(): Promise<string>
}

/** Starts the server; `environment` is added to its own. */
export async function openCrashWorld(options: CrashServerOptions = {}): Promise<CrashWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-world-'))
  const server = await openCrashServer(folder, options)
  const account = await (await server.ready()).createAccount()
  const agents: CrashAgent[] = []
  return {
    folder,
    server,
    account,
    async device(name, url = server.url) {
      const path = join(folder, name, 'app.db')
      mkdirSync(join(folder, name), { recursive: true })
      const agent = createCrashAgent(join(folder, `home-${name}`), server.killFile)
      agents.push(agent)
      const device = worldDevice(agent, path)
      device.app('CREATE TABLE t(id INTEGER PRIMARY KEY, x)')
      const { user, password } = account
      await must(agent.run({ name: 'init', args: [{ server: url, user, password, device: name }] }))
      await must(agent.run({ name: 'add', args: [{ path }] }))
      return device
    },
    async close() {
      for (const agent of agents) await agent.close()
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A device whose agent is `agent`. */
export function worldDevice(agent: CrashAgent, path: string): WorldDevice {
  return {
    agent,
    path,
    app(sql) {
      const driver = new Database(path)
      try {
        driver.exec(sql)
      } finally {
        driver.close()
      }
    },
    async backUp(full = false) {
      const outcome = await agent.run({ name: 'backup', args: ['app', { full }] })
      if (outcome === 'killed') return 'killed'
      return outcome.ok ? String(outcome.report.mode) : outcome.code
    },
    async look() {
      const to = `${path}.look`
      rmSync(to, { force: true })
      const outcome = await agent.run({ name: 'restore', args: [{ database: 'app', to }] })
      if (outcome === 'killed') return 'killed'
      if (!outcome.ok) return outcome.code
      return canonicalDump(to) === canonicalDump(path) ? 'equal' : 'different'
    },
  }
}

async function must(outcome: ReturnType<CrashAgent['run']>): Promise<void> {
  const answer = await outcome
  if (answer === 'killed' || !answer.ok) throw new Error(`refused: ${JSON.stringify(answer)}`)
}
