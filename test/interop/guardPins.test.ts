/** A table loses its rows by mistake: both programs say so, and the state before outlives a policy that keeps one point. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type AgentProcess, createRegisteredAgent } from '../support/agentProcess.ts'
import { startServer, type TestServer } from '../support/startServer.ts'
import { operate } from '../support/syncEvolution.ts'

let server: TestServer
let home: string
let agent: AgentProcess
let path: string

beforeAll(async () => {
  server = await startServer()
  home = mkdtempSync(join(tmpdir(), 'nightferry-guard-'))
  agent = await createRegisteredAgent(server, await server.createAccount(), join(home, 'agent'), 'desk')
  path = join(home, 'app.db')
  change(`CREATE TABLE t(id INTEGER PRIMARY KEY, x);
    WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 300) INSERT INTO t SELECT n, 'row ' || n FROM c`)
  await agent.do('add', path, '--name', 'app')
  await agent.do('backup')
})
afterAll(async () => {
  await server?.stop()
  rmSync(home, { recursive: true, force: true })
})

function change(sql: string): void {
  const db = new Database(path)
  db.exec(sql)
  db.close()
}

it('[DC-90] [TM-18] the device, the lists, the log and the metric say so, and the point stays', async () => {
  change('DELETE FROM t WHERE id <= 60')
  expect(await agent.do('backup')).not.toHaveProperty('guard')
  change('DELETE FROM t WHERE id > 100')
  const report = await agent.do('backup')
  expect(report).toMatchObject({
    mode: 'delta',
    deletes: 200,
    guard: { reason: '200 rows of t were removed after it' },
  })
  const { point } = report.guard as { point: string }
  const { databases } = (await agent.do('status')) as unknown as { databases: { lastGuard?: object }[] }
  expect(databases[0]?.lastGuard).toMatchObject({ point })
  const shown = operate(server, 'device', 'show', 'desk') as { databases: { guardedAt?: number }[] }
  expect(shown.databases[0]?.guardedAt).toBeGreaterThan(1_700_000_000_000)
  expect(server.log()).toContain('the restore point before it is pinned')
  expect(await (await fetch(`${server.url}/metrics`)).text()).toContain(
    'nightferry_tables_emptied_total{point="pinned"} 1',
  )
  change("UPDATE t SET x = 'later'")
  await agent.do('backup')
  operate(server, 'prune', '--keep', 'last=1')
  const { points } = operate(server, 'points', 'desk', 'app') as { points: { point: string; pin?: { by: string } }[] }
  expect(points).toMatchObject([{ point: 'latest' }, { point, pin: { by: 'guard' } }])
  const to = join(home, 'back.db')
  await agent.do('restore', '--database', 'app', '--to', to, '--at', point)
  const db = new Database(to, { readonly: true })
  expect(db.prepare('SELECT count(*) AS n FROM t').get()).toEqual({ n: 240 })
  db.close()
})

it('[TM-16] the owner pins by number, the operator takes it back', async () => {
  const { points } = (await agent.do('points', '--database', 'app')) as unknown as { points: { number: number }[] }
  const [latest] = points
  const pinned = await agent.do('pin', 'app', String(latest?.number), '--reason', 'as sent to the tax office')
  expect(pinned).toMatchObject({ point: 'latest', pin: { by: 'owner', reason: 'as sent to the tax office' } })
  expect(operate(server, 'unpin', 'desk', 'app', 'latest')).not.toHaveProperty('pin')
  expect(operate(server, 'pin', 'desk', 'app', new Date().toISOString())).toMatchObject({ pin: { by: 'operator' } })
})
