/** The master key is changed while a server runs, and its devices notice nothing. Rules KY-5, KY-7. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, it, onTestFinished } from 'vitest'
import type { KeyStatus } from '../../schemas/http/keys.ts'
import { createRegisteredAgent } from '../support/agentProcess.ts'
import { canonicalDigest } from '../support/canonicalDump.ts'
import { SERVER_PROGRAM } from '../support/programs.ts'
import { startServer } from '../support/startServer.ts'

async function run(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [SERVER_PROGRAM, ...args, '--json'], {
    env: { ...process.env, NIGHTFERRY_LOG_LEVEL: 'error', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let out = ''
  child.stdout.on('data', (chunk: Uint8Array) => {
    out += Buffer.from(chunk).toString('utf8')
  })
  const [exitCode] = (await once(child, 'close')) as [number | null]
  return { exitCode, report: JSON.parse(out) as Record<string, unknown> }
}

it('[KY-7] devices go on over the rotation of a running server, and over a start with the new key alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-rotate-'))
  const dataFolder = join(folder, 'data')
  mkdirSync(dataFolder)
  let server = await startServer({ dataFolder })
  onTestFinished(async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const path = join(folder, 'till.db')
  const sell = (what: string): void => {
    const db = new Database(path)
    db.exec('CREATE TABLE IF NOT EXISTS sale(id INTEGER PRIMARY KEY, what TEXT)')
    db.prepare('INSERT INTO sale(what) VALUES (?)').run(what)
    db.close()
  }
  sell('first')
  const agent = await createRegisteredAgent(server, await server.createAccount(), join(folder, 'home'), 'till')
  await agent.do('add', path)
  expect(await agent.do('backup')).toMatchObject({ mode: 'full' })
  const { report } = await run(['operator-token', '--data', dataFolder])
  const token = { NIGHTFERRY_TOKEN: String(report.token) }

  const offline = await run(['keys', 'rotate', '--data', dataFolder])
  expect(offline).toMatchObject({ exitCode: 11, report: { error: { code: 'session.busy' } } })
  const before = (await run(['keys', 'status', '--server', server.url], token)).report as KeyStatus
  const rotated = await run(['keys', 'rotate', '--server', server.url], token)
  const status = rotated.report as KeyStatus
  expect(rotated.exitCode).toBe(0)
  expect(status.olderKeyIds).toEqual([before.currentKeyId])
  expect(status.uses.find(({ what }) => what === 'copies')).toMatchObject({ keyId: status.currentKeyId, objects: 1 })

  sell('second')
  expect(await agent.do('backup')).toMatchObject({ mode: 'delta' })
  // The old key is destroyed: nothing needs its file.
  rmSync(join(dataFolder, `master.key.${before.currentKeyId}`))
  const { port } = new URL(server.url)
  await server.stop()
  server = await startServer({ dataFolder, args: ['--port', port] })
  sell('third')
  expect(await agent.do('backup')).toMatchObject({ mode: 'delta' })
  const out = join(folder, 'out.db')
  await agent.do('restore', '--database', 'till', '--to', out)
  expect(canonicalDigest(out)).toBe(canonicalDigest(path))
  const last = (await run(['keys', 'status', '--server', server.url], token)).report as KeyStatus
  expect(last).toMatchObject({ currentKeyId: status.currentKeyId, olderKeyIds: [] })
  expect(readdirSync(dataFolder).filter((name) => name.startsWith('master.key'))).toEqual(['master.key'])
}, 180_000)
