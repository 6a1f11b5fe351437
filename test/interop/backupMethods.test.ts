/** Methods and the time machine as users choose them, within the operator's limits, through both programs. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type AgentProcess, createRegisteredAgent } from '../support/agentProcess.ts'
import { canonicalDump } from '../support/canonicalDump.ts'
import { type StartServerOptions, startServer, type TestServer } from '../support/startServer.ts'
import { operate } from '../support/syncEvolution.ts'

// Each command is a process of its own.
vi.setConfig({ testTimeout: 180_000 })

let server: TestServer
let home: string
let agent: AgentProcess
let path: string
let db: Database.Database
let value = 0

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'nightferry-methods-'))
  path = join(home, 'app.db')
  db = new Database(path)
  db.exec("CREATE TABLE note(id INTEGER PRIMARY KEY, text); INSERT INTO note(text) VALUES ('first')")
})
afterEach(async () => {
  db.close()
  await server?.stop()
  rmSync(home, { recursive: true, force: true })
})

async function begin(options: StartServerOptions, ...add: string[]): Promise<void> {
  server = await startServer(options)
  agent = await createRegisteredAgent(server, await server.createAccount(), join(home, 'agent'), 'desk')
  await agent.do('add', path, '--name', 'app', ...add)
}

async function night(): Promise<Record<string, unknown>> {
  db.exec(`INSERT INTO note(text) VALUES ('night ${++value}')`)
  return (await agent.do('backup')) as Record<string, unknown>
}

async function points(): Promise<readonly { point: string }[]> {
  return ((await agent.do('points')) as unknown as { points: { point: string }[] }).points
}

async function restored(at: string): Promise<string> {
  const to = join(home, 'back.db')
  await agent.do('restore', '--database', 'app', '--to', to, '--at', at)
  return canonicalDump(to)
}

it('[DC-130] [WF-39] a differential sends all since the whole file, and the server knows it', async () => {
  await begin({}, '--method', 'differential')
  expect(await night()).toMatchObject({ mode: 'full' })
  expect(await night()).toMatchObject({ mode: 'delta', puts: 1 })
  expect(await night()).toMatchObject({ mode: 'delta', puts: 2, from: 1 })
  expect(await agent.do('backup')).toMatchObject({ mode: 'none' })
  expect(await points()).toHaveLength(3)
  expect(await restored('latest')).toBe(canonicalDump(path))
  const [device] = (operate(server, 'device', 'list') as { devices: { deviceId: string }[] }).devices
  expect(operate(server, 'device', 'show', device?.deviceId ?? '')).toMatchObject({
    databases: [{ name: 'app', method: 'differential', timeMachine: 'on' }],
  })
})

it('[DC-131] [BK-26] a method that the operator does not allow gives way to the next best, and the report says so', async () => {
  await begin({ args: ['--allow-methods', 'delta'] }, '--method', 'full')
  expect(await night()).toMatchObject({ mode: 'full', reason: 'the server does not allow the method full' })
  const second = await night()
  expect(second).toMatchObject({ mode: 'delta', reason: 'the server does not allow the method full', exchanges: 1 })
  await agent.do('configure', 'app', '--method', 'differential')
  expect(await night()).toMatchObject({ reason: 'the server does not allow the method differential' })
  await agent.do('configure', 'app', '--method', 'delta')
  expect(await night()).not.toHaveProperty('reason')
  expect(await restored('latest')).toBe(canonicalDump(path))
})

it('[DC-131] [BK-26] a device may keep to whole files where nothing else is allowed', async () => {
  await begin({ args: ['--allow-methods', 'full'] })
  expect(await night()).toMatchObject({ mode: 'full' })
  expect(await night()).toMatchObject({ mode: 'full', reason: 'the server does not allow the method delta' })
  expect(await restored('latest')).toBe(canonicalDump(path))
})

it.each(['delta', 'full'])(
  '[BK-27] [BK-28] with its time machine off the server keeps the newest state of %s only, and what was kept before',
  async (method) => {
    await begin({}, '--method', method)
    await night()
    const first = canonicalDump(path)
    await night()
    const second = canonicalDump(path)
    await agent.do('configure', 'app', '--time-machine', 'off')
    for (let i = 0; i < 3; i++) await night()
    const off = await points()
    expect(off).toHaveLength(3)
    expect(await restored('latest')).toBe(canonicalDump(path))
    expect(await restored(off[1]?.point ?? '')).toBe(second)
    expect(await restored(off[2]?.point ?? '')).toBe(first)
    await agent.do('configure', 'app', '--time-machine', 'on')
    const left = canonicalDump(path)
    await night()
    const on = await points()
    expect(on).toHaveLength(4)
    expect(await restored(on[1]?.point ?? '')).toBe(left)
    expect(on.slice(2).map(({ point }) => point)).toEqual(off.slice(1).map(({ point }) => point))
  },
)

it('[BK-27] an operator who keeps older states keeps them whatever a device says', async () => {
  await begin({ args: ['--time-machine', 'on'] }, '--time-machine', 'off')
  await night()
  const first = canonicalDump(path)
  await night()
  const found = await points()
  expect(found).toHaveLength(2)
  expect(await restored(found[1]?.point ?? '')).toBe(first)
})
