/**
 * What the time machine costs (D1, D2): a workload's nights through the real programs, the room they take on the server,
 * and restores of the newest and of an old state beside those of a server that remembers nothing.
 */

import { execFileSync } from 'node:child_process'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import Database from 'better-sqlite3'
import { type AgentProcess, createRegisteredAgent } from '../test/support/agentProcess.ts'
import { startServer, type TestServer } from '../test/support/startServer.ts'
import { median } from './measure/statistics.ts'
import { applyNight, makeBase, type WorkloadName } from './workload/workload.ts'

export interface PastResult {
  readonly workload: WorkloadName
  readonly nights: number
  /** The application's file after the last night, octets. */
  readonly fileBytes: number
  /** All copies on the server. */
  readonly storedBytes: number
  /** Gzip of the old values of all rows that changed or went, night by night. */
  readonly oldValuesBytes: number
  /** Medians, milliseconds: the newest state where nothing older is known, the newest, and the one 30 nights before. */
  readonly plainMs: number
  readonly newestMs: number
  readonly oldMs: number
}

const RESTORES = 7
const OLD_NIGHTS = 30

export async function runPast(
  workload: WorkloadName,
  nights: number,
  folder: string,
  report: (line: string) => void,
): Promise<PastResult> {
  const keep = ['--keep', `last=${nights + 10}`]
  const servers = [await startServer({ args: keep }), await startServer({ args: keep })] as const
  try {
    const path = join(folder, 'past.db')
    makeBase(path, workload)
    const agent = await register(servers[0], join(folder, 'past-home'), path)
    await agent.do('backup')
    let oldValuesBytes = 0
    for (let night = 1; night <= nights; night++) {
      const before = join(folder, 'before.db')
      execFileSync('cp', [path, before])
      applyNight(path, workload, night)
      oldValuesBytes += gzipSync(JSON.stringify(oldRows(before, path))).length
      await agent.do('backup')
      if (night % 10 === 0) report(`past: night ${night} of ${nights}`)
    }
    // Without the observers of the first agent.
    const same = join(folder, 'same.db')
    await agent.do('restore', '--database', 'app', '--to', same)
    const plain = await register(servers[1], join(folder, 'plain-home'), same)
    await plain.do('backup')
    const { points } = (await agent.do('points')) as unknown as { points: { point: string }[] }
    const old = points[Math.min(OLD_NIGHTS, points.length - 1)]?.point ?? ''
    const times: Record<'plain' | 'newest' | 'old', number[]> = { plain: [], newest: [], old: [] }
    for (let turn = 0; turn < RESTORES; turn++) {
      times.plain.push(await restore(plain, folder, 'latest'))
      times.newest.push(await restore(agent, folder, 'latest'))
      times.old.push(await restore(agent, folder, old))
    }
    return {
      ...{ workload, nights, oldValuesBytes },
      fileBytes: statSync(path).size,
      storedBytes: sizeOf(join(servers[0].dataFolder, 'copies')),
      ...{ plainMs: median(times.plain), newestMs: median(times.newest), oldMs: median(times.old) },
    }
  } finally {
    for (const server of servers) await server.stop()
  }
}

async function register(server: TestServer, home: string, path: string): Promise<AgentProcess> {
  const agent = await createRegisteredAgent(server, await server.createAccount(), home, 'desk')
  await agent.do('add', path, '--name', 'app')
  return agent
}

async function restore(agent: AgentProcess, folder: string, at: string): Promise<number> {
  const to = join(folder, 'back.db')
  const startedAt = performance.now()
  await agent.do('restore', '--database', 'app', '--to', to, '--at', at)
  const tookMs = performance.now() - startedAt
  rmSync(to)
  return tookMs
}

/** Rows as they were that are no longer so. */
function oldRows(before: string, now: string): unknown[] {
  const db = new Database(now, { readonly: true })
  try {
    db.exec(`ATTACH '${before}' AS old`)
    const tables = db.prepare("SELECT name FROM old.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    return (tables.pluck().all() as string[])
      .filter((name) => !name.startsWith('_nightferry_'))
      .flatMap((name) => db.prepare(`SELECT * FROM old."${name}" EXCEPT SELECT * FROM main."${name}"`).raw().all())
  } finally {
    db.close()
  }
}

function sizeOf(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
}
