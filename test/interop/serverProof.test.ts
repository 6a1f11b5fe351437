/** Our agent and a server that proves itself, as programs: until it no longer can. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { createAgentProcess } from '../support/agentProcess.ts'
import { startServer } from '../support/startServer.ts'
import { operate } from '../support/syncEvolution.ts'

it('[DC-52] [OM-36] init --verify-server: backups go on, and end with 12 when the server cannot prove itself', async ({
  onTestFinished,
}) => {
  const server = await startServer()
  onTestFinished(() => server.stop())
  const home = mkdtempSync(join(tmpdir(), 'nightferry-proof-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  const path = join(home, 'app.db')
  const db = new Database(path)
  onTestFinished(() => void db.close())
  db.exec('CREATE TABLE note(id INTEGER PRIMARY KEY, text)')
  const { user, password } = await server.createAccount()
  const agent = createAgentProcess(join(home, 'agent'), { NIGHTFERRY_PASSWORD: password })
  await agent.do('init', '--server', server.url, '--user', user, '--device', 'desk', '--verify-server')
  await agent.do('add', path)
  const night = async () => {
    db.exec("INSERT INTO note(text) VALUES ('one more')")
    return agent.run('backup')
  }
  expect((await night()).report).toMatchObject({ mode: 'full', exchanges: 3 })
  expect((await night()).report).toMatchObject({ mode: 'delta', exchanges: 2 })
  operate(server, 'device', 'server-password', 'desk', '--remove')
  expect(await night()).toMatchObject({ exitCode: 12, errorCode: 'auth.server' })
  // A password that somebody else made is not the one the device knows.
  operate(server, 'device', 'server-password', 'desk')
  expect(await night()).toMatchObject({ exitCode: 12, errorCode: 'auth.server' })
})
