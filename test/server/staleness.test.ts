/** The operator's metrics after a backup and a restore, and of the database that waits longest. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { createRegisteredAgent } from '../support/agentProcess.ts'
import { startServer } from '../support/startServer.ts'

it('restores are counted, and the age of the stalest backup is shown after a start of the server', {
  timeout: 60_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-stale-'))
  const dataFolder = join(folder, 'data')
  let server = await startServer({ dataFolder })
  try {
    const path = join(folder, 'app.db')
    new Database(path).exec('CREATE TABLE t(a)').close()
    const agent = await createRegisteredAgent(server, await server.createAccount(), join(folder, 'home'), 'one')
    await agent.do('add', path, '--name', 'app')
    await agent.do('backup')
    await agent.do('restore', '--database', 'app', '--to', path)
    const counted = await (await fetch(`${server.url}/metrics`)).text()
    expect(counted).toMatch(/^nightferry_restores_total\{step="created"\} 1$/m)
    expect(counted).toMatch(/^nightferry_restores_total\{step="completed"\} 1$/m)
    expect(counted).toMatch(/^nightferry_restore_bytes_total\{what="sent"\} [1-9]\d*$/m)
    const backedUpAt = Date.now()
    await server.stop()
    server = await startServer({ dataFolder })
    const text = await (await fetch(`${server.url}/metrics`)).text()
    const age = Number(/^nightferry_stalest_backup_seconds (\S+)$/m.exec(text)?.[1])
    expect(age).toBeGreaterThan(0)
    expect(age).toBeLessThan((Date.now() - backedUpAt) / 1000 + 30)
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})
