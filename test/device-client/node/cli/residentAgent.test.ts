/**
 * The resident agent as those see it who ask it: a real socket in a real home, `watch` on one side, the short way of
 * `backup` or bare lines on the other. The client behind it is made by hand; end to end it is in test/interop.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it, type TestContext } from 'vitest'
import { createAgentRecords } from '../../../../device-client/agentRecords.ts'
import type { BackupReport, DatabaseEntry, DeviceClient } from '../../../../device-client/deviceClient.ts'
import { askAgent } from '../../../../device-client/node/cli/askAgent.ts'
import { runAgent } from '../../../../device-client/node/cli/program.ts'
import { createFileKeyStore } from '../../../../device-client/node/fileKeyStore.ts'
import { DEFAULT_PREFERENCES } from '../../../../device-client/schedule/preferences.ts'
import { CodedError } from '../../../../schemas/errors.ts'

const report: BackupReport = {
  ...{ database: 'a', mode: 'delta', from: 3, to: 4, puts: 5, deletes: 1, schemaChanges: 0 },
  ...{ bytesSent: 900, bytesReceived: 400, exchanges: 1, durationMs: 12 },
}
const entry = (name: string): DatabaseEntry => ({
  ...{ name, path: `/data/${name}.db`, tracking: 'triggers', preferences: DEFAULT_PREFERENCES },
})

function collect() {
  const parts: string[] = []
  return { write: (text: string) => void parts.push(text), text: () => parts.join('') }
}

async function makeHome({ onTestFinished }: TestContext): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'nightferry-resident-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  const records = createAgentRecords(createFileKeyStore(join(home, 'records')))
  await records.setIdentity({ server: 'http://h', user: 'u', device: 'd', deviceId: 'd1' })
  return home
}

/** `watch` in this process; ends with the test. */
async function startWatch(context: TestContext, home: string, backup: DeviceClient['backup'], names = ['a']) {
  const stop = Promise.withResolvers<void>()
  const err = collect()
  const refuse = async (): Promise<never> => Promise.reject(new Error('not expected here'))
  const client: DeviceClient = {
    ...{ fence: refuse, claim: refuse },
    ...{
      init: refuse,
      add: refuse,
      configure: refuse,
      remove: refuse,
      restore: refuse,
      points: refuse,
      pin: refuse,
      diff: refuse,
      restoreRows: refuse,
      verify: refuse,
      deliver: refuse,
      deliveries: refuse,
    },
    followNotifications: async () => undefined,
    ...{ status: refuse, list: async () => names.map(entry), backup },
  }
  const ended = runAgent({
    argv: ['watch', '--home', home],
    environment: {},
    output: { stdout: () => undefined, stderr: err.write },
    stopped: () => stop.promise,
    openClient: (_home, log) => ({
      client: {
        ...client,
        backup: (...args) => {
          log.info('reading', { database: args[0] })
          return backup(...args)
        },
      },
      openSyncs: refuse,
      close: () => undefined,
    }),
  })
  const end = async (): Promise<number> => {
    stop.resolve()
    return await ended
  }
  context.onTestFinished(async () => void (await end()))
  while (!err.text().includes('watching')) await wait(5)
  return { end, stderr: err.text }
}

async function ask(home: string, ...args: string[]) {
  const [out, err] = [collect(), collect()]
  const exitCode = await askAgent(['backup', '--home', home, ...args], {
    environment: {},
    stdout: out.write,
    stderr: err.write,
  })
  return { exitCode, stdout: out.text(), stderr: err.text() }
}

const socketOf = (home: string) => join(home, 'agent.sock')

/** Sends raw text and closes our side, as `echo … | nc -U` does; gives the events. */
async function send(home: string, text: string): Promise<Record<string, unknown>[]> {
  const socket = connect(socketOf(home))
  const heard = collect()
  socket.on('data', (chunk) => heard.write(chunk.toString('utf8')))
  socket.on('error', () => undefined)
  socket.end(text)
  await once(socket, 'close')
  const lines = heard.text().split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe.skipIf(process.platform === 'win32')('a resident agent', () => {
  it('[DC-44] carries out a backup that is handed to it: same output, same exit code, log lines on stderr', async (context) => {
    const home = await makeHome(context)
    const asked: unknown[] = []
    await startWatch(context, home, async (...args) => {
      asked.push(args)
      return report
    })
    expect(await ask(home, '--json')).toEqual({
      exitCode: 0,
      stdout: `${JSON.stringify(report)}\n`,
      stderr: 'reading database=a\n',
    })
    const text = await ask(home, '--database=b', '--full', '--quiet')
    expect(text).toEqual({ exitCode: 0, stdout: expect.stringContaining('changes 3 to 4'), stderr: '' })
    expect(asked).toEqual([
      ['a', { full: false }],
      ['b', { full: true }],
    ])
  })

  it('[DC-44] failures come with their code, message and exit code', async (context) => {
    const home = await makeHome(context)
    const failing = async () => Promise.reject(new CodedError('network.unreachable', 'h does not answer'))
    await startWatch(context, home, failing)
    const ran = await ask(home, '--json', '--quiet')
    expect(ran.exitCode).toBe(14)
    expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code: 'network.unreachable' } })
    expect(ran.stderr).toContain('error: h does not answer (network.unreachable)')
  })

  it('[DC-44, DC-42] several databases: exit code 3 if some failed', async (context) => {
    const home = await makeHome(context)
    const backup: DeviceClient['backup'] = async (name) => {
      if (name === 'b') throw new CodedError('database.locked', 'held')
      return { ...report, database: name }
    }
    await startWatch(context, home, backup, ['a', 'b'])
    const ran = await ask(home, '--json')
    expect(ran.exitCode).toBe(3)
    expect(JSON.parse(ran.stdout)).toMatchObject({ databases: [report, { error: { code: 'database.locked' } }] })
  })

  it('[DC-44, DC-24] who asks while it works is told so at once; a stop waits for the work', async (context) => {
    const home = await makeHome(context)
    const release = Promise.withResolvers<BackupReport>()
    const watch = await startWatch(context, home, () => release.promise)
    const first = ask(home, '--json')
    while (!watch.stderr().includes('reading')) await wait(5)
    expect((await ask(home)).exitCode).toBe(11)
    const ended = watch.end()
    await wait(50)
    release.resolve(report)
    expect([(await first).exitCode, await ended]).toEqual([0, 0])
    expect(existsSync(socketOf(home))).toBe(false)
  })

  it('[DC-44, DC-46] its socket belongs to its user, and replaces one that a killed agent left', async (context) => {
    const home = await makeHome(context)
    const script = `require('node:net').createServer().listen(${JSON.stringify(socketOf(home))}, () => console.log('up'))`
    const killed = spawn(process.execPath, ['-e', script])
    await once(killed.stdout, 'data')
    killed.kill('SIGKILL')
    await once(killed, 'exit')
    expect(existsSync(socketOf(home))).toBe(true)
    expect((await ask(home)).exitCode).toBeUndefined()
    await startWatch(context, home, async () => report)
    expect(statSync(socketOf(home)).mode & 0o777).toBe(0o600)
    expect((await ask(home)).exitCode).toBe(0)
  })

  it('[DC-45] without one, or with arguments that want the whole program, the command does the work itself', async (context) => {
    const home = await makeHome(context)
    expect((await ask(home)).exitCode).toBeUndefined()
    await startWatch(context, home, async () => report)
    for (const args of [['--no-such'], ['--help'], ['x'], ['--database']]) {
      expect((await ask(home, ...args)).exitCode).toBeUndefined()
    }
    const options = { environment: { NIGHTFERRY_HOME: home }, stdout: () => undefined, stderr: () => undefined }
    expect(await askAgent(['status'], options)).toBeUndefined()
    expect(await askAgent(['backup'], options)).toBe(0)
  })

  it.each([
    ['speaks another version', '{"event":"end","exitCode":1,"json":{}}\n', true],
    ['ends before its work', '{"event":"accepted","nightferry":1}\n', true],
    ['says nonsense', 'nonsense\n', true],
    ['does not answer', '', false],
  ])('[DC-45] an agent that %s is done without', async (_what, says, closes) => {
    const home = mkdtempSync(join(tmpdir(), 'nightferry-resident-'))
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      if (says !== '') socket.write(says)
      if (closes) socket.end()
    }).listen(socketOf(home))
    await once(server, 'listening')
    expect((await ask(home)).exitCode).toBeUndefined()
    server.close()
    rmSync(home, { recursive: true, force: true })
  })

  it('[DC-46] takes bare lines, also from who closes its side; refuses everything else', async (context) => {
    const home = await makeHome(context)
    let backups = 0
    await startWatch(context, home, async () => {
      backups++
      return report
    })
    const events = await send(home, '{"nightferry":1,"command":"backup"}\n')
    expect(events.map(({ event }) => event)).toEqual(['accepted', 'log', 'end'])
    expect(events[2]).toMatchObject({ exitCode: 0, json: report })
    expect(backups).toBe(1)
    const refused = [
      ['{"nightferry":2,"command":"backup"}', 'protocol.unsupported-version'],
      ['{"nightferry":1,"command":"restore"}', 'protocol.malformed'],
      ['{"nightferry":1,"command":"backup","full":"yes"}', 'protocol.malformed'],
      ['{"nightferry":1,"command":"backup","database":7}', 'protocol.malformed'],
      ['{"nightferry":1,"command":"backup","path":"/etc"}', 'protocol.malformed'],
      ['[]', 'protocol.malformed'],
      ['GET / HTTP/1.1', 'protocol.malformed'],
      ['x'.repeat(70_000), 'protocol.too-large'],
    ] as const
    for (const [line, code] of refused) {
      const [answer, ...more] = await send(home, line.length > 60_000 ? line : `${line}\n`)
      expect([answer, more]).toMatchObject([{ event: 'end', json: { error: { code } } }, []])
    }
    expect(await send(home, '')).toEqual([])
    expect(backups).toBe(1)
  })

  it('[DC-46] an asker that goes away does not end the backup', async (context) => {
    const home = await makeHome(context)
    const release = Promise.withResolvers<BackupReport>()
    let done = false
    const watch = await startWatch(context, home, async () => {
      const result = await release.promise
      done = true
      return result
    })
    const socket = connect(socketOf(home))
    socket.write('{"nightferry":1,"command":"backup"}\n')
    while (!watch.stderr().includes('reading')) await wait(5)
    socket.destroy()
    await once(socket, 'close')
    release.resolve(report)
    while (!done) await wait(5)
    expect((await ask(home)).exitCode).toBe(0)
  })

  it('[DC-44] a home whose path is too long for a socket is watched without one', async (context) => {
    const home = join(await makeHome(context), 'x'.repeat(120))
    mkdirSync(home)
    const records = createAgentRecords(createFileKeyStore(join(home, 'records')))
    await records.setIdentity({ server: 'http://h', user: 'u', device: 'd', deviceId: 'd1' })
    const watch = await startWatch(context, home, async () => report)
    expect(watch.stderr()).toContain('backups cannot be handed to this agent')
  })

  it('[DC-46] what lies under the name of its socket is replaced', async (context) => {
    const home = await makeHome(context)
    writeFileSync(socketOf(home), 'no socket')
    expect((await ask(home)).exitCode).toBeUndefined()
    await startWatch(context, home, async () => report)
    expect((await ask(home)).exitCode).toBe(0)
  })
})
