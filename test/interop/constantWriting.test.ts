/**
 * A database that another process writes to without pause: backups neither stop nor fail the application, and each
 * restore is one moment of it. When the writing ends, one more Delta makes the copy equal by independent tools.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type AgentProcess, type AgentReport, createRegisteredAgent } from '../support/agentProcess.ts'
import { canonicalDump } from '../support/canonicalDump.ts'
import { compareByTools, runShell, sqliteTools, takeReference } from '../support/sqliteTools.ts'
import { startServer, type TestAccount, type TestServer } from '../support/startServer.ts'

const WRITER = fileURLToPath(new URL('../support/constantWriter.ts', import.meta.url))
const BACKUPS = 10
/** Forty programs are started in each test: on a busy machine that takes its time. */
const LONG_MS = 180_000
/** How long the application itself waits for a lock before it fails. */
const WRITER_PATIENCE_MS = 5000

let folder = ''
let server: TestServer
let account: TestAccount

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-writing-'))
  server = await startServer()
  account = await server.createAccount()
})

afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

interface WriterReport {
  readonly transactions: number
  readonly longestWaitMs: number
  readonly failures: readonly string[]
}

/** The application, writing until `stop`. */
async function startWriter(path: string, journalMode: string): Promise<{ stop(): Promise<WriterReport> }> {
  const child = spawn(process.execPath, [WRITER, path, journalMode], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  child.stdout.on('data', (chunk: Uint8Array) => {
    output += Buffer.from(chunk).toString('utf8')
  })
  const ended = once(child, 'close')
  await once(child.stdout, 'data')
  return {
    stop: async () => {
      child.stdin.end()
      await ended
      return JSON.parse(output.split('\n')[1] ?? '') as WriterReport
    },
  }
}

/** In a rollback journal a writer that never pauses may win every race for the lock for 2 s: then once more. */
async function backUp(agent: AgentProcess, database: string): Promise<AgentReport> {
  const first = await agent.run('backup', '--database', database)
  return first.exitCode === 11 ? await agent.do('backup', '--database', database) : first.report
}

/** Restores the newest state of `database` beside everything else and gives its path. */
async function look(agent: AgentProcess, database: string, from: string, name: string): Promise<string> {
  const path = join(folder, `${name}.db`)
  await agent.do('restore', '--database', database, '--from-device', from, '--to', path)
  return path
}

describe.skipIf(!sqliteTools.available)(`under constant writing ${sqliteTools.reason}`, () => {
  test.each(['wal', 'delete'])(
    '[DC-28] in %s mode the application is never held up, and each restore is one moment',
    async (mode) => {
      const path = join(folder, `ledger-${mode}.db`)
      const device = `writer ${mode}`
      const agent = await createRegisteredAgent(server, account, join(folder, `home ${mode}`), device)
      const writer = await startWriter(path, mode)
      await agent.do('add', path, '--name', mode)
      const modes: unknown[] = []
      for (let round = 0; round < BACKUPS; round++) {
        modes.push((await backUp(agent, mode)).mode)
        const restored = await look(agent, mode, device, `${mode} ${round}`)
        expect(runShell(restored, 'PRAGMA integrity_check')).toBe('ok\n')
        expect(runShell(restored, 'SELECT count(*), sum(balance) FROM account')).toBe('200|200000\n')
        expect(runShell(restored, 'SELECT (SELECT count(*) FROM move) - value FROM total')).toBe('0\n')
      }
      const report = await writer.stop()
      expect(report.failures).toEqual([])
      expect(report.longestWaitMs).toBeLessThan(WRITER_PATIENCE_MS)
      expect(report.transactions).toBeGreaterThan(BACKUPS * 10)
      expect(modes).toEqual(['full', ...Array.from({ length: BACKUPS - 1 }, () => 'delta')])

      expect(await agent.do('backup', '--database', mode)).toMatchObject({ mode: 'delta' })
      const [reference, last] = [join(folder, `${mode} reference.db`), await look(agent, mode, device, `${mode} last`)]
      takeReference(path, reference)
      const verdict = compareByTools(reference, last)
      expect(verdict.dumps[1]).toBe(verdict.dumps[0])
      expect(verdict.digests[1]).toBe(verdict.digests[0])
      expect(verdict).toMatchObject({ difference: '', integrity: ['ok\n', 'ok\n'] })
      expect(canonicalDump(last)).toBe(canonicalDump(path))
    },
    LONG_MS,
  )
})
