/**
 * A server is killed while it imports a file and while it builds images; what it leaves is gone after the next start,
 * and everything works. Real processes: nothing of the server or the agent runs in this one.
 */

import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AgentProcess, createRegisteredAgent } from '../support/agentProcess.ts'
import { canonicalDump } from '../support/canonicalDump.ts'
import { startServer, type TestServer } from '../support/startServer.ts'

let folder: string
let data: string
let server: TestServer
let agent: AgentProcess
/** Its image is built in memory. */
let app: string
/** Kept as a sealed file: its image is a file whatever its size (RS-3). */
let sealed: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-strays-'))
  data = join(folder, 'data')
  mkdirSync(data)
  server = await startServer({ dataFolder: data })
  app = makeDatabase('app')
  sealed = makeDatabase('sealed', 'CREATE INDEX i ON t(known_here(id))')
  agent = await createRegisteredAgent(server, await server.createAccount(), join(folder, 'home'), 'phone')
  await agent.do('add', app)
}, 60_000)
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

function makeDatabase(name: string, ...more: string[]): string {
  const path = join(folder, `${name}.db`)
  const db = new Database(path)
  db.function('known_here', { deterministic: true }, (value) => value)
  db.exec(`CREATE TABLE t(id INTEGER PRIMARY KEY, a, b);
    WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 60000)
      INSERT INTO t SELECT x, hex(randomblob(150)), randomblob(150) FROM c;`)
  for (const sql of more) db.exec(sql)
  db.close()
  return path
}

/** Files below a folder of the server's data, as paths from there. */
function filesOf(name: string): string[] {
  return readdirSync(join(data, name), { recursive: true, encoding: 'utf8' }).filter((file) =>
    statSync(join(data, name, file), { throwIfNoEntry: false })?.isFile(),
  )
}

/** Kills server and agent as soon as `reached` holds; the server comes again at the same address. */
async function killWhen(reached: () => boolean, ...command: string[]): Promise<void> {
  const running = agent.start(...command)
  const until = Date.now() + 20_000
  while (!reached()) {
    if (Date.now() > until) throw new Error(`${command.join(' ')} never came that far`)
    await pause(2)
  }
  const ended = once(server.process, 'exit')
  server.process.kill('SIGKILL')
  await ended
  running.process.kill('SIGKILL')
  await running.ended
  // Its workers end by themselves once their work lets them look.
  await pause(500)
}

async function restart(): Promise<void> {
  server = await startServer({ dataFolder: data, args: ['--port', new URL(server.url).port] })
}

const segments = () => filesOf('storage').filter((file) => file.startsWith('images'))

describe('[RS-14] [BK-14] a killed server', () => {
  it('leaves nothing of a half import after its next start', async () => {
    const half = () => filesOf('copies').filter((file) => /\.(source|building)/.test(file))
    await killWhen(() => half().length > 0, 'backup')
    expect(filesOf('copies').length).toBeGreaterThan(0)
    await restart()
    expect(filesOf('copies')).toEqual([])
    expect(await agent.do('backup')).toMatchObject({ mode: 'full' })
    expect(filesOf('copies').filter((file) => file.endsWith('.db'))).toHaveLength(1)
  }, 60_000)

  describe('while it makes an image', () => {
    beforeAll(async () => {
      await agent.do('add', sealed)
      expect(await agent.do('backup', '--database', 'sealed')).toMatchObject({ mode: 'full' })
    }, 60_000)

    it.each([
      ['sealed', 'the file', () => filesOf('images')],
      ['sealed', 'the segments of a file', segments],
      ['app', 'the segments of octets in memory', segments],
    ])(
      'leaves no image of %s after its next start, killed at %s',
      async (database, _what, made) => {
        const target = join(folder, `restored ${database}.db`)
        const before = made().length
        await killWhen(() => made().length > before, 'restore', '--database', database, '--to', target)
        expect(made().length).toBeGreaterThan(before)
        await restart()
        expect([filesOf('images'), segments()]).toEqual([[], []])
      },
      60_000,
    )
  })

  it('keeps the images that a restore still needs, and clears unfinished objects', async () => {
    const target = join(folder, 'whole.db')
    await agent.do('restore', '--database', 'app', '--to', target)
    const held = [filesOf('images').sort(), segments().sort()]
    expect(held[1]?.length).toBeGreaterThan(1)
    writeFileSync(join(data, 'storage', `${held[1]?.[0]}~0123456789ab`), 'half')
    await server.stop()
    await restart()
    expect([filesOf('images').sort(), segments().sort()]).toEqual(held)
    expect(canonicalDump(target)).toEqual(canonicalDump(app))
  }, 60_000)
})
