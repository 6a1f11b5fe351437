/** A database that its application keeps locked: the agent says so soon, never hangs, and goes on after the release. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { createAgentRecords } from '../../device-client/agentRecords.ts'
import { createScheduleHost } from '../../device-client/node/cli/scheduleHost.ts'
import { createWorkTurns } from '../../device-client/node/cli/workTurns.ts'
import { openHome } from '../../device-client/node/home.ts'
import { openNodeClient } from '../../device-client/node/openNodeClient.ts'
import type { Log } from '../../device-client/ports.ts'
import { runSchedule } from '../../device-client/schedule/runSchedule.ts'
import { type AgentProcess, createRegisteredAgent } from '../support/agentProcess.ts'
import { startServer, type TestServer } from '../support/startServer.ts'

const HOLDER = fileURLToPath(new URL('../support/lockHolder.ts', import.meta.url))

/** The agent waits 2 s for a lock; the rest is for starting it on a busy machine, several at once. */
const SOON_MS = 7000

let folder = ''
let server: TestServer

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-locked-'))
  server = await startServer()
})

afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Tests wait for locks most of the time, so they wait together: each has an agent of its own. */
async function createAgent(name: string): Promise<AgentProcess> {
  return createRegisteredAgent(server, await server.createAccount(), join(folder, `home of ${name}`), 'desk')
}

/** A database with two rows. */
function createDatabase(name: string, journalMode: string): string {
  const path = join(folder, `${name}.db`)
  const database = new Database(path)
  database.pragma(`journal_mode=${journalMode}`)
  database.exec('CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT); INSERT INTO note(text) VALUES (1), (2)')
  database.close()
  return path
}

/** Another process holds the database until `release`. */
async function hold(
  path: string,
  journalMode: string,
  how: string,
  onTestFinished: TestContext['onTestFinished'],
): Promise<{ release(): Promise<void> }> {
  const child = spawn(process.execPath, [HOLDER, path, journalMode, how], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = once(child, 'close')
  await once(child.stdout, 'data')
  return {
    release: async () => {
      child.stdin.end()
      await ended
    },
  }
}

const locked = (path: string) => ({
  exitCode: 11,
  report: { error: { code: 'database.locked', message: expect.stringContaining(path), next: expect.any(String) } },
})

describe.concurrent.each([
  ['delete', 'transaction'],
  ['wal', 'transaction'],
  ['delete', 'locking-mode'],
  ['wal', 'locking-mode'],
])('a database in %s mode held by its %s', (journalMode, how) => {
  const name = `${journalMode} ${how}`

  test('[DC-21] ends a backup with exit code 11, soon and with the reason; after the release it succeeds', async ({
    onTestFinished,
  }) => {
    const agent = await createAgent(name)
    const path = createDatabase(name, journalMode)
    await agent.do('add', path)
    expect(await agent.do('backup', '--database', name)).toMatchObject({ mode: 'full' })
    const holder = await hold(path, journalMode, how, onTestFinished)

    for (const options of [[], ['--full']]) {
      const answer = await agent.run('backup', '--database', name, ...options)
      expect(answer).toMatchObject(locked(path))
      expect(answer.durationMs).toBeLessThan(SOON_MS)
      expect(answer.stderr).toContain('another process holds the database locked')
    }
    const { databases } = (await agent.do('status')) as { databases: { name: string; lastAttempt?: unknown }[] }
    const line = databases.find((database) => database.name === name)
    expect(line).toMatchObject({ lastAttempt: { failure: { code: 'database.locked' } } })

    await holder.release()
    const after = await agent.do('backup', '--database', name)
    expect(after).toMatchObject(how === 'transaction' ? { mode: 'none' } : { mode: 'delta', puts: 1 })
  })

  test('[DC-21] cannot be added, and can after the release', async ({ onTestFinished }) => {
    const agent = await createAgent(`new ${name}`)
    const path = createDatabase(`new ${name}`, journalMode)
    const holder = await hold(path, journalMode, how, onTestFinished)
    const answer = await agent.run('add', path)
    expect(answer).toMatchObject(locked(path))
    expect(answer.durationMs).toBeLessThan(SOON_MS)
    await holder.release()
    await agent.do('add', path)
    expect(await agent.do('backup', '--database', `new ${name}`)).toMatchObject({ mode: 'full' })
  })
})

test.concurrent('[DC-42] a held database does not keep the others from their backup: exit code 3', async ({
  onTestFinished,
}) => {
  const agent = await createAgent('others')
  const [held, free] = [createDatabase('held', 'wal'), createDatabase('free', 'wal')]
  await agent.do('add', held)
  await agent.do('add', free)
  const holder = await hold(held, 'wal', 'locking-mode', onTestFinished)
  const answer = await agent.run('backup')
  expect(answer.exitCode).toBe(3)
  expect(answer.report.databases).toMatchObject([
    { database: 'held', error: { code: 'database.locked' } },
    { database: 'free', mode: 'full' },
  ])
  await holder.release()
  expect(await agent.do('backup')).toMatchObject({ databases: [{ mode: 'full' }, { mode: 'none' }] })
})

describe.concurrent.each(['delete', 'wal'])('a database in %s mode with a reader that stays', (mode) => {
  test('[DC-21] ends a backup soon, one way or the other', async ({ onTestFinished }) => {
    const name = `read ${mode}`
    const agent = await createAgent(name)
    const path = createDatabase(name, mode)
    await agent.do('add', path)
    const holder = await hold(path, mode, 'reader', onTestFinished)
    const answer = await agent.run('backup', '--database', name)
    // A rollback journal knows no writer beside a reader; a WAL does.
    expect(answer).toMatchObject(mode === 'wal' ? { exitCode: 0, report: { mode: 'full' } } : locked(path))
    expect(answer.durationMs).toBeLessThan(SOON_MS)
    await holder.release()
    // The reader kept our own last write in the log: carried over at its end, it looks like a write without a note
    // (DC-27), and the tables are sent once more.
    expect(await agent.do('backup', '--database', name)).toMatchObject({ mode: mode === 'wal' ? 'delta' : 'full' })
  })
})

test('[DC-33] the schedule tries a held database again until it succeeds, and says why it was missed', async ({
  onTestFinished,
}) => {
  const agent = await createAgent('schedule')
  const path = createDatabase('scheduled', 'wal')
  await agent.do('add', path, '--cron', '0 2 * * *', '--jitter', '0')
  const holder = await hold(path, 'wal', 'locking-mode', onTestFinished)

  const lines: string[] = []
  const line: Log['info'] = (message, fields) => void lines.push(`${message} ${JSON.stringify(fields)}`)
  const log: Log = { debug: line, info: line, warn: line }
  const count = (message: string) => lines.filter((text) => text.startsWith(message)).length
  const home = openHome(agent.home)
  const { client, close } = openNodeClient(home, log, 'test')
  onTestFinished(close)
  // Nights pass at once; the database, its lock, the server and the backup are real.
  let now = Date.now()
  const finished = Promise.withResolvers<void>()
  const clock = {
    now: () => now,
    sleep: async (ms: number) => {
      now += ms
      if (count('backup failed') === 2) await holder.release()
      if (count('backup done') === 1) finished.resolve()
    },
  }
  const records = createAgentRecords(home.keyStore)
  const host = createScheduleHost({ client, records, home, log, clock }, createWorkTurns())
  await runSchedule(host, clock, log, { deviceId: 'desk', timeZone: 'UTC', stopped: finished.promise })

  const told = lines.filter((text) => /^backup (failed|missed|done)/.test(text))
  expect(told).toEqual([
    expect.stringMatching(/^backup failed .*"reason":"database-locked"/),
    expect.stringMatching(/^backup missed .*"reason":"database-locked"/),
    expect.stringMatching(/^backup failed .*"reason":"database-locked"/),
    expect.stringMatching(/^backup done .*"mode":"full"/),
  ])
})
