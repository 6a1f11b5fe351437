/**
 * Backs up a running server with its own program, restores it elsewhere, and lets the devices go on there. Rules SB-1 to
 * SB-6.
 */

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openKeyRing } from '../../server/keys/openKeyRing.ts'
import { restoreServer } from '../../server/serverBackup/restoreServer.ts'
import { type AgentProcess, createRegisteredAgent } from '../support/agentProcess.ts'
import { createCanaryScan } from '../support/canaryScan.ts'
import { canonicalDigest } from '../support/canonicalDump.ts'
import { SERVER_PROGRAM } from '../support/programs.ts'
import { startServer, type TestServer } from '../support/startServer.ts'

const CANARY = 'a secret of the till'

let folder: string
let data: string
let keyFile: string
let server: TestServer
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-server-backup-'))
  data = join(folder, 'data')
  keyFile = join(folder, 'master.key')
  mkdirSync(data)
  server = await startServer({ dataFolder: data, args: ['--master-key-file', keyFile] })
})
afterEach(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

interface Ended {
  readonly exitCode: number | null
  readonly report: Readonly<Record<string, unknown>>
  readonly error: { readonly code?: string; readonly message?: string; readonly next?: string }
}

/** Runs `nightferry` with the test's key, `--json`. */
async function run(...args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [SERVER_PROGRAM, ...args, '--json', '--master-key-file', keyFile], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let out = ''
  child.stdout.on('data', (chunk: Uint8Array) => {
    out += Buffer.from(chunk).toString('utf8')
  })
  const [exitCode] = (await once(child, 'close')) as [number | null]
  const report = JSON.parse(out) as Ended['report']
  return { exitCode, report, error: (report.error ?? {}) as Ended['error'] }
}

const backup = (to: string): Promise<Ended> => run('backup-server', '--data', data, '--to', to)
const restore = (from: string, to: string): Promise<Ended> => run('restore-server', '--from', from, '--data', to)

interface Till {
  readonly agent: AgentProcess
  readonly path: string
  sell(count: number): void
}

async function openTill(name: string, rows: number): Promise<Till> {
  const path = join(folder, `${name}.db`)
  const sell = (count: number): void => {
    const db = new Database(path)
    db.exec('CREATE TABLE IF NOT EXISTS sale(id INTEGER PRIMARY KEY, what TEXT, price INTEGER)')
    const insert = db.prepare('INSERT INTO sale(what, price) VALUES (?, ?)')
    db.transaction(() => {
      for (let at = 0; at < count; at++) insert.run(`${CANARY} ${at}`, at)
    })()
    db.close()
  }
  sell(rows)
  const agent = await createRegisteredAgent(server, await server.createAccount(), join(folder, `home-${name}`), name)
  await agent.do('add', path)
  await agent.do('backup')
  return { agent, path, sell }
}

/** The restored server takes the place of the lost one, at its address. */
async function moveTo(restored: string): Promise<void> {
  const { port } = new URL(server.url)
  await server.stop()
  rmSync(data, { recursive: true, force: true })
  server = await startServer({ dataFolder: restored, args: ['--master-key-file', keyFile, '--port', port] })
}

/** The code of what a restore in this process ends with. */
async function restoreHere(source: string, dataFolder: string): Promise<string> {
  try {
    const { keyRing } = openKeyRing({ dataDir: source, masterKeyFile: keyFile })
    await restoreServer({ source, dataFolder, keyRing })
    return ''
  } catch (cause) {
    return String((cause as { code?: unknown }).code)
  }
}

it('[SB-1] [SB-6] a restored server gives every database back, and the next night is a Delta', async () => {
  const [still, busy] = [await openTill('still', 500), await openTill('busy', 500)]
  const made = await backup(join(folder, 'kept'))
  expect(made).toMatchObject({ exitCode: 0, report: { databases: 2, damaged: [] } })
  const scan = createCanaryScan([join(folder, 'kept')])
  scan.add('a row', CANARY)
  scan.add('the master key', readFileSync(keyFile, 'utf8').trim().split('\n').at(-1) ?? '')
  expect(scan.scan()).toEqual([])
  expect(scan.seen.files).toBeGreaterThan(5)
  // What comes after the backup is lost with the machine.
  busy.sell(10)
  await busy.agent.do('backup')

  const back = await restore(join(folder, 'kept'), join(folder, 'restored'))
  expect(back).toMatchObject({ exitCode: 0, report: { databases: 2, files: made.report.files } })
  await moveTo(join(folder, 'restored'))
  const out = join(folder, 'out.db')
  await still.agent.do('restore', '--database', 'still', '--to', out)
  expect(canonicalDigest(out)).toBe(canonicalDigest(still.path))
  still.sell(3)
  expect(await still.agent.do('backup')).toMatchObject({ mode: 'delta' })
  busy.sell(3)
  expect(await busy.agent.do('backup')).toMatchObject({ mode: 'delta' })
  for (const { agent, path } of [still, busy]) {
    const name = path === still.path ? 'still' : 'busy'
    await agent.do('restore', '--database', name, '--to', join(folder, `${name}-again.db`))
    expect(canonicalDigest(join(folder, `${name}-again.db`))).toBe(canonicalDigest(path))
  }
}, 120_000)

it('[SB-2] [SB-3] devices go on meanwhile, and each copy is whole, at a state that was acknowledged', async () => {
  const tills = [await openTill('one', 3000), await openTill('two', 3000), await openTill('three', 3000)]
  const acknowledged = tills.map(({ path }) => new Set([canonicalDigest(path)]))
  let stopped = false
  const nights = tills.map(async ({ agent, path, sell }, at) => {
    for (let night = 0; !stopped; night++) {
      sell(5)
      // Before it is sent: the backup may be of the moment between commit and answer.
      acknowledged[at]?.add(canonicalDigest(path))
      // A whole backup puts another copy in the place of the one that is there.
      await agent.do('backup', ...(night % 3 === 2 ? ['--full'] : []))
    }
  })
  const kept: string[] = []
  for (let round = 0; round < 3; round++) {
    const to = join(folder, `kept-${round}`)
    expect(await backup(to)).toMatchObject({ exitCode: 0, report: { databases: 3, damaged: [] } })
    kept.push(to)
    await pause(300)
  }
  stopped = true
  await Promise.all(nights)
  expect(acknowledged.every((states) => states.size > 3)).toBe(true)
  await restore(kept[1] ?? '', join(folder, 'restored'))
  await moveTo(join(folder, 'restored'))
  for (const [at, { agent, path }] of tills.entries()) {
    const out = join(folder, `out-${at}.db`)
    const name = path.slice(folder.length + 1, -'.db'.length)
    await agent.do('restore', '--database', name, '--to', out)
    expect(acknowledged[at]?.has(canonicalDigest(out))).toBe(true)
  }
}, 180_000)

it('[SB-4] [SB-5] what was changed, lost or added is named, and no data folder is made of it', async () => {
  await openTill('till', 200)
  const kept = join(folder, 'kept')
  await backup(kept)
  const files = readdirSync(kept, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  expect(files.length).toBeGreaterThan(6)
  const to = join(folder, 'restored')
  for (const path of files) {
    const bytes = readFileSync(path)
    const wrong = Buffer.from(bytes)
    const at = Math.floor(wrong.length / 2)
    wrong[at] = (wrong[at] ?? 0) ^ 1
    writeFileSync(path, wrong)
    expect([path, await restoreHere(kept, to)]).toEqual([
      path,
      expect.stringMatching(/^(storage\.corrupt|key\.wrong)$/),
    ])
    writeFileSync(path, bytes)
  }
  const copy = files.find((path) => path.includes('/copies/')) ?? ''
  const bytes = readFileSync(copy)
  rmSync(copy)
  expect((await restore(kept, to)).error).toMatchObject({
    code: 'storage.corrupt',
    message: expect.stringMatching(/missing/),
  })
  writeFileSync(copy, bytes)
  writeFileSync(join(kept, 'copies', 'other.db'), 'something')
  expect((await restore(kept, to)).error).toMatchObject({
    code: 'storage.corrupt',
    message: expect.stringMatching(/other\.db/),
  })
  rmSync(join(kept, 'copies', 'other.db'))
  expect(readdirSync(folder).filter((name) => name.startsWith('restored'))).toEqual([])
  // Neither over something that is there.
  expect((await backup(kept)).error).toMatchObject({
    code: 'config.invalid',
    message: expect.stringMatching(/not empty/),
  })
  expect((await backup(join(data, 'images', 'kept'))).error).toMatchObject({
    code: 'config.invalid',
    message: expect.stringMatching(/in the data folder/),
  })
  expect((await restore(kept, data)).error).toMatchObject({
    code: 'config.invalid',
    message: expect.stringMatching(/not empty/),
  })
  expect(await restore(kept, to)).toMatchObject({ exitCode: 0 })
}, 120_000)

it('[SB-3] a copy that does not open is taken as it is, and named', async () => {
  await openTill('till', 200)
  await server.stop()
  const [name = ''] = readdirSync(join(data, 'copies')).filter((file) => file.endsWith('.db'))
  const path = join(data, 'copies', name)
  const bytes = readFileSync(path)
  bytes.fill(0x55, 100, 4000)
  writeFileSync(path, bytes)
  const made = await backup(join(folder, 'kept'))
  expect(made).toMatchObject({ exitCode: 0, report: { databases: 1, damaged: [name.replace('.db', '')] } })
  expect(readFileSync(join(folder, 'kept', 'copies', name)).equals(bytes)).toBe(true)
}, 60_000)

it('[SB-4] one that was killed leaves nothing at its name, and the next one clears away what it left', async () => {
  await openTill('till', 60_000)
  for (const afterMs of [350, 450, 600]) {
    const to = join(folder, 'kept')
    const child = spawn(process.execPath, [
      SERVER_PROGRAM,
      'backup-server',
      '--data',
      data,
      '--to',
      to,
      '--master-key-file',
      keyFile,
    ])
    const closed = once(child, 'close')
    await pause(afterMs)
    child.kill('SIGKILL')
    await closed
    if (existsSync(to)) rmSync(to, { recursive: true })
  }
  expect(await backup(join(folder, 'kept'))).toMatchObject({ exitCode: 0 })
  expect(readdirSync(folder).filter((name) => name.includes('unfinished'))).toEqual([])
  expect(await restore(join(folder, 'kept'), join(folder, 'restored'))).toMatchObject({ exitCode: 0 })
}, 120_000)

it('says what is missing', () => {
  const without = spawnSync(process.execPath, [SERVER_PROGRAM, 'restore-server', '--from', data, '--json'], {
    encoding: 'utf8',
  })
  expect(JSON.parse(without.stdout)).toMatchObject({
    error: { code: 'config.invalid', next: expect.stringMatching(/--master-key-file/) },
  })
  const nowhere = spawnSync(
    process.execPath,
    [SERVER_PROGRAM, 'backup-server', '--data', join(folder, 'none'), '--to', folder, '--json'],
    {
      encoding: 'utf8',
    },
  )
  expect(JSON.parse(nowhere.stdout)).toMatchObject({
    error: { code: 'config.invalid', message: expect.stringMatching(/holds no server/) },
  })
})
