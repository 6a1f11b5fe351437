/** A home of the agent is copied, as with a virtual machine: both programs as their users run them. */

import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { KILLER } from '../crash/crashAgent.ts'
import { type AgentProcess, createAgentProcess, createRegisteredAgent } from '../support/agentProcess.ts'
import { type Misfortune, openBadProxy } from '../support/badProxy.ts'
import { canonicalDump } from '../support/canonicalDump.ts'
import { startServer, type TestAccount, type TestServer } from '../support/startServer.ts'

let folder: string
let server: TestServer
let account: TestAccount
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-cloned-'))
  mkdirSync(join(folder, 'data'))
  server = await startServer({ dataFolder: join(folder, 'data') })
  account = await server.createAccount()
})
afterEach(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** A machine: a home, and the database that lies at the same path as on each copy of the machine. */
interface Machine {
  readonly agent: AgentProcess
  readonly database: string
  write(text: string): void
  /** The mode of a backup, or the code of its failure. */
  backUp(): Promise<string>
}

const path = () => join(folder, 'here', 'app.db')

/** Whose files are at the path of the database now. */
function switchTo(machine: string): void {
  rmSync(join(folder, 'here'), { force: true })
  symlinkSync(join(folder, machine), join(folder, 'here'))
}

function machineOf(name: string, agent: AgentProcess): Machine {
  const database = join(folder, name, 'app.db')
  return {
    agent,
    database,
    write(text) {
      const driver = new Database(database)
      driver.prepare('INSERT INTO note(text) VALUES (?)').run(text)
      driver.close()
    },
    async backUp() {
      switchTo(name)
      const { exitCode, errorCode, report } = await agent.run('backup')
      if (exitCode === 12) expect(JSON.stringify(report)).toContain('nightferry-device claim')
      return exitCode === 0 ? String(report.mode) : errorCode
    },
  }
}

async function firstMachine(url = server.url, environment: Readonly<Record<string, string>> = {}): Promise<Machine> {
  mkdirSync(join(folder, 'first'))
  switchTo('first')
  const driver = new Database(path())
  driver.exec('CREATE TABLE note(id INTEGER PRIMARY KEY, text)')
  driver.close()
  const home = join(folder, 'home-first')
  await (await createRegisteredAgent({ url }, account, home, 'laptop')).do('add', path())
  const password = { NIGHTFERRY_PASSWORD: account.password }
  return machineOf('first', createAgentProcess(home, { ...password, ...environment }))
}

function copyMachine(name: string): Machine {
  cpSync(join(folder, 'first'), join(folder, name), { recursive: true })
  const home = join(folder, `home-${name}`)
  cpSync(join(folder, 'home-first'), home, { recursive: true })
  return machineOf(name, createAgentProcess(home, { NIGHTFERRY_PASSWORD: account.password }))
}

async function ownerAsks(what: string): Promise<Readonly<Record<string, unknown>>> {
  const login = await fetch(`${server.url}/accounts/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: account.user, password: account.password }),
  })
  const { accessToken } = (await login.json()) as { accessToken: string }
  const answer = await fetch(`${server.url}${what}`, { headers: { authorization: `Bearer ${accessToken}` } })
  return (await answer.json()) as Readonly<Record<string, unknown>>
}

const statusOf = async ({ agent }: Machine) =>
  ((await agent.do('status')).databases as readonly Record<string, unknown>[])[0] ?? {}

describe('a copied home', () => {
  it('[ID-6] [ID-8] [ID-9] [DC-111] is stopped, both are told, and the password decides who goes on', {
    timeout: 120_000,
  }, async () => {
    const first = await firstMachine()
    expect(await first.backUp()).toBe('full')
    const twin = copyMachine('twin')
    first.write('of the first')
    expect(await first.backUp()).toBe('delta')
    const dump = canonicalDump(first.database)

    twin.write('of the twin')
    expect(await twin.backUp()).toBe('device.cloned')
    expect(await twin.backUp()).toBe('device.cloned')
    expect(await statusOf(twin)).toMatchObject({ lastAttempt: { failure: { code: 'device.cloned' } } })
    const look = join(folder, 'look.db')
    switchTo('first')
    await first.agent.do('restore', '--database', 'app', '--to', look)
    expect(canonicalDump(look)).toBe(dump)
    expect(await ownerAsks('/api/v1/databases')).toMatchObject({
      databases: [{ health: { state: 'failing', reason: 'its last backup was refused (device.cloned)' } }],
    })
    expect(server.log()).toContain('another installation presented the identity of a device, and was refused')

    first.write('more')
    expect(await first.backUp()).toBe('delta')
    expect(await statusOf(first)).toMatchObject({ advice: { clonedAt: expect.any(Number) } })

    // A device's own secret does not suffice.
    const thief = createAgentProcess(twin.agent.home, { NIGHTFERRY_PASSWORD: 'not the password' })
    expect(await thief.run('claim')).toMatchObject({ exitCode: 12, errorCode: 'auth.invalid' })
    expect(await twin.backUp()).toBe('device.cloned')
    expect(await twin.agent.do('claim')).toMatchObject({ device: 'laptop' })
    expect(['delta', 'full']).toContain(await twin.backUp())
    first.write('too late')
    expect(await first.backUp()).toBe('device.cloned')
  })

  it('[ID-6] is stopped as well if it is an older state of the only one, and goes on when it is claimed', {
    timeout: 120_000,
  }, async () => {
    const first = await firstMachine()
    expect(await first.backUp()).toBe('full')
    const older = copyMachine('older')
    for (const text of ['a', 'b']) {
      first.write(text)
      expect(await first.backUp()).toBe('delta')
    }
    older.write('after the restore')
    expect(await older.backUp()).toBe('device.cloned')
    await older.agent.do('claim')
    expect(['delta', 'full']).toContain(await older.backUp())
    older.write('and on')
    expect(await older.backUp()).toBe('delta')
  })
})

describe('the only installation goes on', () => {
  it('[ID-7] killed at each step around a session', { timeout: 180_000 }, async () => {
    const killFile = join(folder, 'kill')
    const first = await firstMachine(server.url, {
      NODE_OPTIONS: `--import ${KILLER}`,
      NIGHTFERRY_KILL_FILE: killFile,
    })
    for (const step of ['marked-sent', 'send', 'answer', 'acknowledge', 'acknowledged', 'send', 'answer']) {
      first.write(step)
      writeFileSync(killFile, `${step} 1 self`)
      expect(await first.agent.run('backup'), step).toMatchObject({ exitCode: null })
      expect(['full', 'delta', 'none'], step).toContain(await first.backUp())
    }
    expect(server.log()).not.toContain('another installation')
  })

  it('[ID-7] through lost and repeated messages, and before a server that was set back', {
    timeout: 180_000,
  }, async ({ onTestFinished }) => {
    const fates: Misfortune[] = []
    const proxy = await openBadProxy(server.url, () => fates.shift() ?? 'none')
    onTestFinished(() => proxy.close())
    const first = await firstMachine(proxy.url)
    expect(await first.backUp()).toBe('full')
    await server.stop()
    cpSync(join(folder, 'data'), join(folder, 'data-before'), { recursive: true })
    const start = () => startServer({ dataFolder: join(folder, 'data'), args: ['--port', new URL(server.url).port] })
    server = await start()
    for (const fate of ['lose-request', 'lose-answer', 'twice', 'again-later', 'cut-answer'] as const) {
      first.write(fate)
      fates.push(fate)
      expect(['delta', 'full'], fate).toContain(await first.backUp())
    }
    await proxy.settled()
    await server.stop()
    rmSync(join(folder, 'data'), { recursive: true })
    cpSync(join(folder, 'data-before'), join(folder, 'data'), { recursive: true })
    server = await start()
    first.write('after')
    expect(['delta', 'full']).toContain(await first.backUp())
    expect(server.log()).not.toContain('another installation')
  })
})
