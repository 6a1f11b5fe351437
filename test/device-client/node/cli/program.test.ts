/**
 * The agent's command line as a script sees it: output, exit codes, homes. The client behind it is made by hand here;
 * what a real one does is tested end to end.
 */

import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAgentRecords } from '../../../../device-client/agentRecords.ts'
import type { BackupReport, DatabaseEntry, DeviceClient, InitOptions } from '../../../../device-client/deviceClient.ts'
import { AGENT_PROGRAM, runAgent } from '../../../../device-client/node/cli/program.ts'
import { createFileKeyStore } from '../../../../device-client/node/fileKeyStore.ts'
import { openHome } from '../../../../device-client/node/home.ts'
import { DEFAULT_PREFERENCES } from '../../../../device-client/schedule/preferences.ts'
import { CodedError, type ErrorCode } from '../../../../schemas/errors.ts'

let home = ''
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'nightferry-cli-'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

const report: BackupReport = {
  ...{ database: 'a', mode: 'delta', from: 3, to: 4, puts: 5, deletes: 1, schemaChanges: 0 },
  ...{ bytesSent: 900, bytesReceived: 400, exchanges: 1, durationMs: 12 },
}
const entry = (name: string): DatabaseEntry => ({
  ...{ name, path: `/data/${name}.db`, tracking: 'triggers', preferences: DEFAULT_PREFERENCES },
})

const absent = async (): Promise<never> => {
  throw new Error('not expected here')
}

function clientOf(parts: Partial<DeviceClient>): DeviceClient {
  return {
    ...{
      init: absent,
      add: absent,
      configure: absent,
      remove: absent,
      backup: absent,
      restore: absent,
      points: absent,
      pin: absent,
      restoreRows: absent,
      diff: absent,
      fence: absent,
      claim: absent,
      verify: absent,
      deliver: absent,
      deliveries: absent,
    },
    list: async () => [entry('a')],
    status: absent,
    followNotifications: async () => undefined,
    ...parts,
  }
}

async function run(argv: string[], client: Partial<DeviceClient> = {}, environment: Record<string, string> = {}) {
  const stdout: string[] = []
  const stderr: string[] = []
  let stop: () => void = () => undefined
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  const finished = runAgent({
    argv: [...argv, '--home', home],
    environment,
    output: { stdout: (text) => void stdout.push(text), stderr: (text) => void stderr.push(text) },
    stopped: () => stopped,
    openClient: () => ({ client: clientOf(client), openSyncs: absent, close: () => undefined }),
  })
  if (argv[0] === 'watch') setTimeout(stop, 300)
  const exitCode = await finished
  const printed = stdout.join('')
  const json = () => JSON.parse(printed) as Record<string, unknown>
  return { exitCode, stdout: printed, stderr: stderr.join(''), json }
}

describe('the agent', () => {
  it('[DC-40] backup --json prints exactly the report', async () => {
    const ran = await run(['backup', '--json'], { backup: async () => report })
    expect([ran.exitCode, ran.json()]).toEqual([0, report])
    expect(Object.keys(ran.json())).toEqual([
      ...['database', 'mode', 'from', 'to', 'puts', 'deletes', 'schemaChanges'],
      ...['bytesSent', 'bytesReceived', 'exchanges', 'durationMs'],
    ])
  })

  it('[DC-40] restore --json prints exactly the report, and --at takes a time or a point', async () => {
    const restored = {
      database: 'a',
      path: '/x',
      point: 'p1',
      bytesReceived: 1,
      sizeBytes: 2,
      sha256: 'ff',
      durationMs: 3,
    }
    const asked: unknown[] = []
    const restore: DeviceClient['restore'] = async (options) => {
      asked.push(options.at)
      return restored
    }
    const base = ['restore', '--database', 'a', '--to', 'x.db', '--json']
    expect((await run([...base, '--at', '2026-11-21T02:00Z'], { restore })).json()).toEqual(restored)
    await run([...base, '--at', 'p1'], { restore })
    expect(asked).toEqual([Date.parse('2026-11-21T02:00Z'), 'p1'])
    expect((await run([...base, '--at', '2026-99-99'], { restore })).exitCode).toBe(2)
  })

  it.each<[ErrorCode, number]>([
    ['database.unknown', 10],
    ['database.locked', 11],
    ['session.busy', 11],
    ['auth.invalid', 12],
    ['key.wrong', 12],
    ['integrity.mismatch', 13],
    ['network.unreachable', 14],
    ['storage.full', 15],
    ['delta.conflict', 1],
  ])('[DC-40] %s ends with exit code %i and one JSON object', async (code, exitCode) => {
    const cause = new Error('the cause below')
    const backup = async () => Promise.reject(new CodedError(code, 'what happened', { cause, next: 'Do this.' }))
    const ran = await run(['backup', '--database', 'a', '--json'], { backup })
    expect(ran.exitCode).toBe(exitCode)
    expect(ran.json()).toEqual({ error: { code, message: 'what happened', next: 'Do this.' } })
    expect(ran.stderr).toContain('because: the cause below')
    expect(ran.stderr).toContain('Do this.')
  })

  it('[DC-40] usage errors end with 2, help with 0', async () => {
    for (const argv of [['restore'], ['backup', '--no-such'], ['nothing'], ['add'], ['completion', 'tcsh']]) {
      expect((await run(argv)).exitCode).toBe(2)
    }
    const ran = await run(['restore', '--json'])
    expect(ran.json()).toMatchObject({
      error: { code: 'config.invalid', message: expect.stringContaining('--database') },
    })
    const help = await run(['--help'])
    expect(help.exitCode).toBe(0)
    for (const { name } of AGENT_PROGRAM.commands) expect(help.stdout).toContain(name.split(' ')[0])
  })

  it('[DC-42] several databases: all are tried, exit code 3 if some failed', async () => {
    const backup: DeviceClient['backup'] = async (database) => {
      if (database === 'b') throw new CodedError('database.locked', 'held')
      return { ...report, database }
    }
    const names = async () => [entry('a'), entry('b'), entry('c')]
    const ran = await run(['backup', '--json'], { list: names, backup })
    expect(ran.exitCode).toBe(3)
    expect(ran.json().databases).toEqual([
      report,
      { database: 'b', error: expect.objectContaining({ code: 'database.locked' }) },
      { ...report, database: 'c' },
    ])
    const all = await run(['backup'], {
      list: names,
      backup: async () => Promise.reject(new CodedError('storage.full', 'full')),
    })
    expect(all.exitCode).toBe(15)
    expect((await run(['backup'], { list: async () => [] })).exitCode).toBe(10)
  })

  it('[DC-24] a second agent with the same home ends with 11', async () => {
    const held = openHome(home).lock('work')
    const ran = await run(['backup'], { backup: async () => report })
    expect([ran.exitCode, ran.stdout]).toEqual([11, ''])
    held.release()
  })

  it('[DC-41] init takes the password from the environment or a file, and prints it nowhere', async () => {
    const asked: InitOptions[] = []
    const init: DeviceClient['init'] = async (options) => {
      asked.push(options)
      return { server: options.server, user: options.user, device: options.device, deviceId: 'd1' }
    }
    const file = join(home, 'password')
    writeFileSync(file, 'from-a-file\n')
    chmodSync(file, 0o600)
    const base = ['init', '--server', 'http://h', '--user', 'u', '--device', 'd']
    const runs = [
      await run(base, { init }, { NIGHTFERRY_PASSWORD: 'from-the-environment' }),
      await run([...base, '--password-file', file], { init }, { NIGHTFERRY_PASSWORD: 'unused-secret' }),
    ]
    expect(asked.map((options) => options.password)).toEqual(['from-the-environment', 'from-a-file'])
    for (const ran of runs) expect(ran.stdout + ran.stderr).not.toMatch(/from-|unused-secret/)
    const options = AGENT_PROGRAM.commands.flatMap((command) => command.options.map((option) => option.name))
    expect(new Set(options.filter((name) => /password|secret|token/.test(name)))).toEqual(new Set(['password-file']))
  })

  it('[DC-43] status says how safe each database is and why, and when its next run comes', async () => {
    const now = Date.now()
    const records = createAgentRecords(createFileKeyStore(join(home, 'records')))
    const preferences = { ...DEFAULT_PREFERENCES, jitterMs: 0 }
    await records.setSchedule('old', { doneUntil: now - 3 * 86_400_000 })
    await records.setHistory('fresh', { lastSuccessAt: now })
    const failure = { code: 'network.unreachable', message: 'http://h does not answer' }
    const status: DeviceClient['status'] = async () => ({
      ...{ server: 'http://h', user: 'u', device: 'd', deviceId: 'd1' },
      databases: [
        { ...entry('fresh'), preferences, lastSuccessAt: now, lastAttempt: { at: now, mode: 'delta' } },
        { ...entry('old'), preferences, lastSuccessAt: now - 3 * 86_400_000, lastAttempt: { at: now - 1000, failure } },
        { ...entry('never'), preferences },
        { ...entry('failed'), preferences, lastSuccessAt: now - 5000, lastAttempt: { at: now - 1000, failure } },
      ],
    })
    const ran = await run(['status', '--json'], { status })
    const databases = ran.json().databases as Record<string, unknown>[]
    expect(databases.map(({ name, state, stale }) => [name, state, stale])).toEqual([
      ['fresh', 'ok', false],
      ['old', 'failing', false],
      ['never', 'never', true],
      ['failed', 'failing', false],
    ])
    expect(databases[1]).toMatchObject({
      nextRun: { kind: 'catch-up', reason: 'agent-not-running' },
      lastAttempt: { failure },
    })
    const text = (await run(['status'], { status })).stdout
    expect(text).toContain('http://h does not answer')
    expect(text).toContain('FAILING')
    expect(text).toContain('NEVER')
    expect(text).toContain('nightferry-device watch')
  })

  it('[FS-14] verify without a name passes over sets of files', async () => {
    const asked: string[] = []
    const list = async () => [{ ...entry('papers'), kind: 'files' as const }, entry('app')]
    const verify: DeviceClient['verify'] = async (name) => {
      asked.push(name)
      throw new CodedError('anchor.mismatch', 'the copy went on meanwhile')
    }
    expect((await run(['verify'], { list, verify })).exitCode).not.toBe(0)
    expect(asked).toEqual(['app'])
    const onlySets = await run(['verify'], { list: async () => (await list()).slice(0, 1), verify })
    expect(onlySets.stderr).toContain('no database is added yet')
  })

  it('[DC-40] watch runs until it is stopped, and only one of them', async () => {
    const records = createAgentRecords(createFileKeyStore(join(home, 'records')))
    await records.setIdentity({ server: 'http://h', user: 'u', device: 'd', deviceId: 'd1' })
    await records.setSchedule('a', { doneUntil: Date.now() - 3 * 86_400_000 })
    let backups = 0
    const backup = async () => {
      backups += 1
      return report
    }
    const first = run(['watch', '--json'], { backup })
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect((await run(['watch'], {})).exitCode).toBe(11)
    const ran = await first
    expect([ran.exitCode, ran.json().stopped, backups]).toEqual([0, true, 1])
    expect(ran.stderr).toContain('backup missed')
    expect((await records.schedule('a'))?.doneUntil).toBeGreaterThan(Date.now() - 10_000)
  })

  it('add and configure read preferences and refuse wrong ones', async () => {
    const asked: unknown[] = []
    const add: DeviceClient['add'] = async (options) => {
      asked.push(options.preferences)
      return entry('a')
    }
    const options = ['--cron', '30 1 * * *', '--window', '22:00-06:00', '--jitter', '10', '--method', 'full']
    expect((await run(['add', 'x.db', ...options], { add })).exitCode).toBe(0)
    expect(asked).toEqual([
      { method: 'full', cron: '30 1 * * *', window: { afterMinute: 1320, beforeMinute: 360 }, jitterMs: 600_000 },
    ])
    for (const wrong of [
      ['--cron', 'often'],
      ['--window', 'night'],
      ['--jitter', '-1'],
      ['--method', 'magic'],
    ]) {
      expect((await run(['add', 'x.db', ...wrong], { add })).exitCode).toBe(2)
    }
  })

  it('[DC-23] a look at an empty home makes nothing', async () => {
    const path = join(home, 'none')
    expect(openHome(path).isLocked('watch')).toBe(false)
    expect(() => statSync(path)).toThrow(/ENOENT/)
  })
})
