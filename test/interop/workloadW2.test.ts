/**
 * The bench's workload W2 (100,000 rows, 49 MB): the second backup is a Delta of at most 2 exchanges, and hardly more
 * octets than the changed rows themselves need.
 */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AgentProcess, type AgentReport, createRegisteredAgent } from '../support/agentProcess.ts'
import { canonicalDigest } from '../support/canonicalDump.ts'
import { sharedDir } from '../support/sharedDir.ts'
import { startServer, type TestServer } from '../support/startServer.ts'

const root = resolve(import.meta.dirname, '../..')
const workloads = ['W2', ...(process.env.NIGHTFERRY_BENCH ?? '').split(',').filter((name) => name !== '')]
const reason = sharedDir === undefined ? '(skipped: the folder of the bench is not there)' : ''

/** What may come on top of the rows: message frames, credentials, the Delta's own head. */
const FACTOR = 1.15
const OVERHEAD_BYTES = 2.5 * 1024

let folder: string
let server: TestServer
let agent: AgentProcess

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-bench-'))
  server = await startServer()
  agent = await createRegisteredAgent(server, await server.createAccount(), join(folder, 'home'), 'bench')
})

afterAll(async () => {
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
})

function workload(...args: readonly string[]): void {
  execFileSync(process.execPath, [join(sharedDir ?? '', 'bench/workload.mjs'), ...args], {
    env: { ...process.env, PERF_NPM: root },
  })
}

interface Operation {
  readonly op: 'insert' | 'update' | 'delete'
  readonly table: string
  readonly before: readonly unknown[] | null
  readonly after: readonly unknown[] | null
}

/** The changed rows as JSON, one per line: rows after an insert or update, keys of deleted ones. */
function changedRows(opsPath: string): string {
  const operations = JSON.parse(readFileSync(opsPath, 'utf8')) as Operation[]
  const keyOf = ({ table, before }: Operation) => (table === 'labels' ? before?.slice(0, 2) : before?.slice(0, 1))
  return operations.map((each) => JSON.stringify([each.table, each.after ?? keyOf(each)])).join('\n')
}

describe.skipIf(sharedDir === undefined)(`workloads of the bench ${reason}`, () => {
  it.each(workloads)('[DC-11] [WF-11] night 1 of %s travels as a small Delta', { timeout: 600_000 }, async (name) => {
    const path = join(folder, `${name}.db`)
    const ops = join(folder, `${name}.json`)
    workload('base', '--workload', name, '--db', path)
    await agent.do('add', path, '--name', name)
    const full = await agent.do('backup', '--database', name)
    expect(full.mode).toBe('full')

    workload('change', '--workload', name, '--db', path, '--night', '1', '--ops', ops)
    const delta = await agent.do('backup', '--database', name)
    const rows = gzipSync(changedRows(ops), { level: 9 }).length
    const bound = FACTOR * rows + OVERHEAD_BYTES
    report(name, full, delta, rows, bound)
    expect(delta.mode).toBe('delta')
    expect(delta.exchanges).toBeLessThanOrEqual(2)
    expect(delta.bytesSent).toBeLessThanOrEqual(bound)

    const restored = join(folder, `${name}-restored.db`)
    await agent.do('restore', '--database', name, '--to', restored)
    expect(canonicalDigest(restored)).toBe(canonicalDigest(path))
  })
})

/** Figures for the reader of the test's output. */
function report(name: string, full: AgentReport, delta: AgentReport, rows: number, bound: number): void {
  const part = Number(delta.bytesSent) / rows
  process.stdout.write(
    `${name}: full ${full.bytesSent} B in ${full.durationMs} ms, ${full.exchanges} exchanges; ` +
      `Delta ${delta.puts} puts, ${delta.deletes} deletes, ${delta.bytesSent} B in ${delta.durationMs} ms, ` +
      `${delta.exchanges} exchanges; rows alone ${rows} B (factor ${part.toFixed(3)}), bound ${Math.floor(bound)} B\n`,
  )
}
