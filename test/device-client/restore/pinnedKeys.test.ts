/** A device trusts the server it knows: another signing key is refused until the user says so. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createRegisteredAgent } from '../../support/agentProcess.ts'
import { startServer, type TestServer } from '../../support/startServer.ts'

let folder: string
let server: TestServer

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-keys-'))
  server = await startServer({ dataFolder: join(folder, 'data') })
})
afterEach(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

it('[DC-17] a restore signed by another key than the first one is refused, unless the user trusts it', {
  timeout: 60_000,
}, async () => {
  const path = join(folder, 'app.db')
  new Database(path).exec('CREATE TABLE t(a); INSERT INTO t VALUES(1)').close()
  const agent = await createRegisteredAgent(server, await server.createAccount(), join(folder, 'home'), 'one')
  await agent.do('add', path, '--name', 'app')
  await agent.do('backup')
  const restore = ['restore', '--database', 'app', '--to', join(folder, 'look.db')]
  await agent.do(...restore)
  await server.stop()
  // The server loses its signing key and makes another at its next start.
  rmSync(join(folder, 'data/storage/system/segment-map-key'))
  server = await startServer({ dataFolder: join(folder, 'data'), args: ['--port', new URL(server.url).port] })
  const refused = await agent.run(...restore)
  expect(refused).toMatchObject({ exitCode: 13, errorCode: 'integrity.mismatch' })
  expect(refused.stderr).toContain('--trust-new-key')
  await agent.do(...restore, '--trust-new-key')
  await agent.do(...restore)
})
