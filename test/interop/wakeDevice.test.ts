/** A device that watches is woken by the operator: real server, real agent, also across a restart of either. */

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { createRegisteredAgent, type RunningCommand } from '../support/agentProcess.ts'
import { SERVER_PROGRAM } from '../support/programs.ts'
import { startServer, type TestServer } from '../support/startServer.ts'

async function operator(server: TestServer, ...words: string[]): Promise<Record<string, unknown>> {
  const args = [SERVER_PROGRAM, ...words, '--data', server.dataFolder, '--json']
  return JSON.parse((await promisify(execFile)(process.execPath, args)).stdout) as Record<string, unknown>
}

/** Until the agent has logged it so often. */
async function logged(watch: RunningCommand, text: string, times: number): Promise<void> {
  while (watch.stderr().split(text).length <= times) await wait(20)
}

it('[PU-1, PU-2, DC-80, DC-82, DC-83] a watching device backs up at once, whoever was away meanwhile', {
  timeout: 90_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-wake-'))
  const dataFolder = join(folder, 'data')
  let server = await startServer({ dataFolder })
  try {
    const path = join(folder, 'app.db')
    const db = new Database(path)
    db.exec('CREATE TABLE t(a)')
    const account = await server.createAccount()
    const agent = await createRegisteredAgent(server, account, join(folder, 'home'), 'till')
    await agent.do('add', path, '--name', 'app')
    await agent.do('backup')
    // Issued while nobody listens.
    db.exec('INSERT INTO t VALUES (1)')
    await operator(server, 'device', 'wake', 'till')
    const watch = agent.start('watch')
    await logged(watch, 'backup done database=app mode=delta', 1)
    // Issued by another process while the agent waits.
    db.exec('INSERT INTO t VALUES (2)')
    await operator(server, 'device', 'wake', 'till', '--database', 'app', '--type', 'refresh-from-device')
    await logged(watch, 'backup done database=app mode=full', 1)
    // Issued over REST, by the process that serves.
    db.exec('INSERT INTO t VALUES (3)')
    const { token } = await operator(server, 'operator-token')
    const { devices } = (await operator(server, 'device', 'list')) as { devices: { deviceId: string }[] }
    const response = await fetch(`${server.url}/api/v1/accounts/${account.user}/devices/${devices[0]?.deviceId}/wake`, {
      ...{ method: 'POST', body: '{"syncs":[]}' },
      headers: { authorization: `Bearer ${String(token)}`, 'content-type': 'application/json' },
    })
    expect(response.status).toBe(201)
    await logged(watch, 'backup done database=app mode=delta', 2)
    // A server with a waiting request stops at once; the agent comes back to the next one.
    const port = new URL(server.url).port
    await server.stop()
    server = await startServer({ dataFolder, args: ['--port', port] })
    await operator(server, 'device', 'wake', 'till', '--database', 'app')
    await logged(watch, 'backup done database=app mode=none', 1)
    const ended = await watch.stop()
    expect([ended.exitCode, ended.stderr.split('woken by the server').length - 1]).toEqual([0, 4])
    expect(server.log()).not.toContain('"level":50')
    db.close()
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})
