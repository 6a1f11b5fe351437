/** The time machine through both programs: nights with rows and schema changing, and every one of them brought back. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AgentProcess, createRegisteredAgent } from '../support/agentProcess.ts'
import { canonicalDump } from '../support/canonicalDump.ts'
import { startServer, type TestServer } from '../support/startServer.ts'
import { operate } from '../support/syncEvolution.ts'

interface Point {
  readonly point: string
  readonly number: number
  readonly takenAt: number
}

const NIGHTS = [
  "UPDATE note SET text = 'changed' WHERE id = 1; INSERT INTO note(text) VALUES ('second')",
  'ALTER TABLE note ADD COLUMN colour; UPDATE note SET colour = 7 WHERE id = 2',
  'CREATE TABLE tag(name PRIMARY KEY, note) WITHOUT ROWID; INSERT INTO tag VALUES (1.0, 1)',
  'ALTER TABLE note RENAME TO remark; DELETE FROM remark WHERE id = 1',
  "DROP TABLE tag; INSERT INTO remark(text) VALUES ('last')",
]

let server: TestServer
let home: string
let agent: AgentProcess
let path: string
/** Dumps by the token that names the state since the next night. */
const dumps: string[] = []

beforeAll(async () => {
  server = await startServer()
  home = mkdtempSync(join(tmpdir(), 'nightferry-past-'))
  agent = await createRegisteredAgent(server, await server.createAccount(), join(home, 'agent'), 'desk')
  path = join(home, 'app.db')
  const db = new Database(path)
  db.exec("CREATE TABLE note(id INTEGER PRIMARY KEY, text); INSERT INTO note(text) VALUES ('first')")
  await agent.do('add', path, '--name', 'app')
  await agent.do('backup')
  dumps.push(canonicalDump(path))
  for (const sql of NIGHTS) {
    db.exec(sql)
    await agent.do('backup')
    dumps.push(canonicalDump(path))
  }
  db.close()
})
afterAll(async () => {
  await server?.stop()
  rmSync(home, { recursive: true, force: true })
})

async function points(): Promise<readonly Point[]> {
  return ((await agent.do('points', '--database', 'app')) as unknown as { points: Point[] }).points
}

async function restored(at: string): Promise<string> {
  const to = join(home, `back-${at.slice(0, 8)}.db`)
  await agent.do('restore', '--database', 'app', '--to', to, '--at', at)
  const dump = canonicalDump(to)
  rmSync(to)
  return dump
}

describe('[TM-1] [TM-5] [TM-7] a database that was backed up for six nights', () => {
  it('comes back as it was in each, by point, by number and by time', async () => {
    const found = await points()
    expect(found).toHaveLength(dumps.length)
    expect(found[0]?.point).toBe('latest')
    for (const [at, dump] of dumps.toReversed().entries()) {
      const { point = '', number = 0, takenAt = 0 } = found[at] ?? {}
      expect(await restored(point), `point ${at}`).toBe(dump)
      expect(await restored(String(number)), `number of point ${at}`).toBe(dump)
      expect(await restored(new Date(takenAt).toISOString()), `time of point ${at}`).toBe(dump)
    }
  }, 120_000)

  it('names no point that never was', async () => {
    const answer = await agent.run('restore', '--database', 'app', '--to', join(home, 'no.db'), '--at', '999999')
    expect(answer).toMatchObject({ exitCode: 10, errorCode: 'restore.unknown' })
    const early = await agent.run('restore', '--database', 'app', '--to', join(home, 'no.db'), '--at', '2001-01-01')
    expect(early).toMatchObject({ exitCode: 10, errorCode: 'restore.unknown' })
  })

  it('keeps its past when a whole file or a restored one takes the place of its copy', async () => {
    const before = await points()
    await agent.do('backup', '--full')
    const [, oldLatest, ...others] = await points()
    expect(others.map(({ point }) => point)).toEqual(before.slice(1).map(({ point }) => point))
    expect(await restored(oldLatest?.point ?? '')).toBe(dumps.at(-1))
    const third = before.at(-3)?.point ?? ''
    await agent.do('restore', '--database', 'app', '--to', path, '--at', third)
    expect(canonicalDump(path)).toBe(dumps[2])
    // It goes on from there with a Delta.
    const db = new Database(path)
    db.exec("INSERT INTO note(text) VALUES ('after')")
    db.close()
    expect(await agent.do('backup')).toMatchObject({ mode: 'delta' })
    const all = await points()
    // The whole file, the restored state at the time it was restored, and the night after it.
    expect(all).toHaveLength(before.length + 3)
    expect(await restored('latest')).toBe(canonicalDump(path))
    for (const [at, { point }] of before.slice(1).entries()) expect(await restored(point)).toBe(dumps.at(-2 - at))
  })

  it('[TM-8] [TM-10] loses what the policy does not keep, and nothing else', async () => {
    const before = await points()
    const dry = operate(server, 'prune', '--keep', 'last=3', '--dry-run') as { databases: { points: Kept[] }[] }
    expect(dry.databases).toHaveLength(1)
    expect(dry.databases[0]?.points.filter(({ reasons }) => reasons.length > 0)).toHaveLength(3)
    expect(await points()).toEqual(before)
    const second = before[1]?.point ?? ''
    const held = await restored(second)
    expect(operate(server, 'prune', '--keep', 'last=3')).toMatchObject({ failed: 0 })
    const left = await points()
    expect(left).toEqual(before.slice(0, 3))
    expect(await restored(second)).toBe(held)
    expect(operate(server, 'prune', '--keep', 'last=3')).toMatchObject({ databases: [], freedBytes: 0 })
  })
})

interface Kept {
  readonly reasons: readonly string[]
}
