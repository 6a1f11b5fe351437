/** `nightferry-device sync` as its users run it: two agents and a real server. */

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type AgentProcess, createAgentProcess, createRegisteredAgent } from '../../../support/agentProcess.ts'
import { card } from '../../../support/itemPeer.ts'
import { SERVER_PROGRAM } from '../../../support/programs.ts'
import { startServer, type TestAccount, type TestServer } from '../../../support/startServer.ts'

const root = mkdtempSync(join(tmpdir(), 'nightferry-sync-cli-'))
let server: TestServer
let account: TestAccount
let one: AgentProcess
let two: AgentProcess
beforeAll(async () => {
  server = await startServer()
  account = await server.createAccount()
  one = await createRegisteredAgent(server, account, join(root, 'home-one'), 'one')
  two = await createRegisteredAgent(server, account, join(root, 'home-two'), 'two')
})
afterAll(async () => {
  await server?.stop()
  rmSync(root, { recursive: true, force: true })
})

const folderOf = (name: string) => join(root, name)
const contents = (folder: string) =>
  readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .sort()

/** Foreign clients have a password of their own. */
function appPassword(): { readonly user: string; readonly password: string } {
  const args = [SERVER_PROGRAM, 'account', 'app-password', account.user, '--data', server.dataFolder, '--json']
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as { user: string; password: string }
}

/** Each command is a process of its own, and the machine may be busy. */
vi.setConfig({ testTimeout: 120_000 })

describe('two registered devices', () => {
  it('[DC-70] share a folder and a table through their own server, by their own secrets', async () => {
    for (const [agent, name] of [
      [one, 'one'],
      [two, 'two'],
    ] as const) {
      mkdirSync(folderOf(name))
      for (let i = 0; i < 15; i++) writeFileSync(join(folderOf(name), `${name}${i}.vcf`), card(`${name} ${i}`))
      const db = new Database(join(root, `${name}.db`))
      db.exec(`CREATE TABLE task(id INTEGER PRIMARY KEY, title); INSERT INTO task(title) VALUES ('of ${name}')`).close()
      await agent.do('sync', 'add', '--app', 'contacts', '--source', `vdir:${folderOf(name)}`)
      await agent.do('sync', 'add', '--app', 'records', '--source', `sqlite:${join(root, `${name}.db`)}#task`)
    }
    for (const agent of [one, two, one]) await agent.do('sync', 'run')
    expect(contents(folderOf('one'))).toEqual(contents(folderOf('two')))
    expect(contents(folderOf('one'))).toHaveLength(30)
    const titles = (name: string) =>
      new Database(join(root, `${name}.db`)).prepare('SELECT title FROM task ORDER BY title').pluck().all()
    expect(titles('one')).toEqual(['of one', 'of two'])
    expect(titles('two')).toEqual(['of one', 'of two'])
    rmSync(join(folderOf('one'), 'one3.vcf'))
    writeFileSync(join(folderOf('two'), 'two4.vcf'), card('edited'))
    for (const agent of [one, two, one])
      expect(await agent.do('sync', 'run', 'contacts')).toMatchObject({ failedCount: 0 })
    expect(contents(folderOf('one'))).toEqual(contents(folderOf('two')))
    expect(contents(folderOf('one'))).toContain(card('edited'))
    expect(contents(folderOf('one'))).toHaveLength(29)
  })

  it('[DC-70] a backup goes on beside it', async () => {
    await one.do('add', join(root, 'one.db'))
    expect(await one.do('backup')).toMatchObject({ mode: 'full' })
    expect(await one.do('sync', 'run', 'contacts')).toMatchObject({ mode: 'two-way', failedCount: 0 })
  })

  it('[DC-70] status says what waits and what failed', async () => {
    writeFileSync(join(folderOf('one'), 'waiting.vcf'), card('waiting'))
    rmSync(join(root, 'one.db'))
    const failed = await one.run('sync', 'run')
    expect([failed.exitCode, failed.report]).toMatchObject([
      3,
      { syncs: [{ name: 'contacts' }, { error: { code: 'database.unknown' } }] },
    ])
    writeFileSync(join(folderOf('one'), 'more.vcf'), card('more'))
    expect(await one.do('sync', 'status')).toMatchObject({
      syncs: [
        { name: 'contacts', source: `vdir:${folderOf('one')}`, pending: 1, lastAttempt: { mode: 'two-way' } },
        { name: 'records', lastAttempt: { failure: { code: 'database.unknown' } } },
      ],
    })
    await one.do('sync', 'remove', 'records')
    expect((await one.run('sync', 'run', 'records')).errorCode).toBe('datastore.unknown')
    rmSync(folderOf('one'), { recursive: true })
    expect((await one.run('sync', 'run')).errorCode).toBe('storage.unavailable')
  })
})

describe('a device that is not registered', () => {
  it('[DC-70] logs in with a password that is kept nowhere, and begins anew with another source', async () => {
    const [home, folder] = [join(root, 'home-three'), folderOf('three')]
    const { user, password } = appPassword()
    const agent = createAgentProcess(home, { NIGHTFERRY_PASSWORD: password })
    const login = ['--server', `${server.url}/omads`, '--user', user]
    await agent.do('sync', 'add', '--app', 'contacts', '--source', `vdir:${folder}`, ...login)
    const ran = await agent.run('sync', 'run')
    expect([ran.exitCode, ran.report]).toMatchObject([0, { mode: 'slow' }])
    await two.do('sync', 'run', 'contacts')
    expect(contents(folder)).toEqual(contents(folderOf('two')))
    const records = readdirSync(join(home, 'records')).map((name) => readFileSync(join(home, 'records', name), 'utf8'))
    expect(records.join('\n')).not.toContain(password)
    await agent.do('sync', 'add', '--app', 'contacts', '--source', `vdir:${folder}-more`, ...login)
    expect(await agent.do('sync', 'run')).toMatchObject({ mode: 'slow', failedCount: 0 })
    expect(contents(`${folder}-more`)).toEqual(contents(folder))
  })

  it('[DC-40] mistakes end with 2', async () => {
    const agent = createAgentProcess(join(root, 'home-four'))
    const source = ['--source', `vdir:${folderOf('four')}`]
    const server = ['--server', 'http://127.0.0.1:1/omads']
    for (const args of [
      ['--app', 'contacts', '--source', 'folder', ...server, '--user', 'u'],
      ['--app', 'contacts', ...source, ...server],
      ['--app', 'nothing', ...source, ...server, '--user', 'u'],
      ['--app', 'records', ...source, ...server, '--user', 'u'],
      ['--app', 'contacts', ...source, '--server', 'ftp://x', '--user', 'u'],
    ]) {
      expect((await agent.run('sync', 'add', ...args)).exitCode).toBe(2)
    }
    expect((await agent.run('sync', 'run')).errorCode).toBe('datastore.unknown')
    expect((await agent.run('sync', 'add', '--app', 'contacts', ...source)).errorCode).toBe('device.unknown')
  })
})
