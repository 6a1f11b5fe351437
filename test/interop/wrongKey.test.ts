/**
 * A server that is started with another master key, or without the one it was made with, says so and changes nothing.
 */

import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AgentProcess, createRegisteredAgent } from '../support/agentProcess.ts'
import { SERVER_PROGRAM } from '../support/programs.ts'
import { startServer, type TestServer } from '../support/startServer.ts'

let folder: string
let data: string
let keyFile: string
let server: TestServer
let agent: AgentProcess

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-key-'))
  data = join(folder, 'data')
  keyFile = join(folder, 'master.key')
  mkdirSync(data)
  server = await startServer({ dataFolder: data, args: ['--master-key-file', keyFile] })
  const path = join(folder, 'app.db')
  const driver = new Database(path)
  driver.exec("CREATE TABLE t(x); INSERT INTO t VALUES ('kept')")
  driver.close()
  agent = await createRegisteredAgent(server, await server.createAccount(), join(folder, 'home'), 'till')
  await agent.do('add', path)
  await agent.do('backup')
  // An image and its segments lie there too.
  await agent.do('restore', '--database', 'app', '--to', join(folder, 'restored.db'))
})

afterAll(async () => {
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Runs `serve` where it must not come up. */
function serve(...args: readonly string[]) {
  const words = ['serve', '--json', '--port', '0', '--data', data, ...args]
  const run = spawnSync(process.execPath, [SERVER_PROGRAM, ...words], { encoding: 'utf8', timeout: 20_000 })
  const { error } = JSON.parse(run.stdout) as { error: { code: string; message: string; next?: string } }
  return { exitCode: run.status, code: error.code, message: error.message, next: error.next ?? '' }
}

/** Every folder, and every file with its SHA-256. */
function digests(of: string): string[] {
  return readdirSync(of, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return entry.isFile() ? `${path} ${createHash('sha256').update(readFileSync(path)).digest('hex')}` : `${path}/`
    })
    .sort()
}

describe('a wrong master key', () => {
  it('says so with its exit code and what to do, changes nothing, and the right one still opens everything', async () => {
    await server.stop()
    const before = digests(data)
    expect(before.length).toBeGreaterThan(5)
    const wrongFile = join(folder, 'wrong.key')
    const [header] = readFileSync(keyFile, 'utf8').split('\n')
    writeFileSync(wrongFile, `${header}\n${randomBytes(32).toString('hex')}\n`, { mode: 0o600 })
    const wrong = serve('--master-key-file', wrongFile)
    expect(wrong).toMatchObject({ exitCode: 12, code: 'key.wrong' })
    expect(wrong.message).toMatch(/key/)
    expect(wrong.next).toMatch(/key/)
    expect(digests(data)).toEqual(before)

    // No key at all: a server that made itself a new one would lock everybody out.
    const missing = serve()
    expect(missing).toMatchObject({ exitCode: 2, code: 'config.invalid' })
    expect(missing.next).toMatch(/key/)
    expect(digests(data)).toEqual(before)

    const port = new URL(server.url).port
    server = await startServer({ dataFolder: data, args: ['--master-key-file', keyFile, '--port', port] })
    const again = await agent.do('restore', '--database', 'app', '--to', join(folder, 'again.db'))
    expect(Number(again.sizeBytes)).toBeGreaterThan(0)
  })
})
