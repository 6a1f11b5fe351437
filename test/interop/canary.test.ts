/**
 * No plaintext and no credential rests on the server's disk or in its log, at any moment: everything that goes through
 * a server carries one random word, and every byte of its folders is searched for it, also while it works.
 */

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFileKeyStore } from '../../device-client/node/fileKeyStore.ts'
import { type AgentProcess, createRegisteredAgent } from '../support/agentProcess.ts'
import { type CanaryScan, createCanaryScan } from '../support/canaryScan.ts'
import { canonicalDump } from '../support/canonicalDump.ts'
import { plainRestore, plainUpload } from '../support/plainSyncml.ts'
import { SERVER_PROGRAM } from '../support/programs.ts'
import { startServer, type TestAccount, type TestServer } from '../support/startServer.ts'

/** In every name and value of the databases. */
const WORD = `canary${randomBytes(8).toString('hex')}`

/** How often files that changed are scanned while the server works, milliseconds. */
const WATCH_MS = 20

let folder: string
let data: string
let temporary: string
let keyFile: string
let scan: CanaryScan
let server: TestServer
let account: TestAccount
let agent: AgentProcess
const logs: string[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-canary-'))
  data = join(folder, 'data')
  temporary = join(folder, 'tmp')
  keyFile = join(folder, 'master.key')
  for (const path of [data, temporary]) mkdirSync(path)
  scan = createCanaryScan([data, temporary])
  scan.add('user data', WORD)
  await start()
  account = await server.createAccount()
  scan.add('account password', account.password)
  scan.add('master key', Buffer.from(readFileSync(keyFile, 'utf8').split('\n')[1] ?? '', 'hex'))
  agent = await createRegisteredAgent(server, account, join(folder, 'home'), 'till')
  scan.add('device secret', await deviceSecret())
})

afterAll(async () => {
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const environment = () => ({ TMPDIR: temporary, SQLITE_TMPDIR: temporary, NIGHTFERRY_LOG_LEVEL: 'debug' })

async function start(): Promise<void> {
  server = await startServer({ dataFolder: data, args: ['--master-key-file', keyFile], environment: environment() })
}

async function deviceRecord(key: string): Promise<unknown> {
  const octets = await createFileKeyStore(join(folder, 'home/records')).get(key)
  return JSON.parse(Buffer.from(octets ?? []).toString())
}
const deviceSecret = async () => (await deviceRecord('secret')) as string

/** Runs `work`; meanwhile and afterwards nothing is found. */
async function watched<T>(work: () => Promise<T>): Promise<T> {
  const found: string[] = []
  const timer = setInterval(() => void found.push(...scan.scan(true)), WATCH_MS)
  try {
    const result = await work()
    found.push(...scan.scan())
    return result
  } finally {
    clearInterval(timer)
    logs.push(server.log())
    expect([...new Set(found)]).toEqual([])
  }
}

function useDatabase(name: string, sql: string, fill?: (driver: InstanceType<typeof Database>) => void): string {
  const path = join(folder, name)
  const driver = new Database(path)
  driver.exec(sql)
  fill?.(driver)
  driver.close()
  return path
}

/** Word in names, texts, octets, large values, views and triggers. */
const SCHEMA = `
  CREATE TABLE "t ${WORD}"(id INTEGER PRIMARY KEY, "c ${WORD}" TEXT DEFAULT '${WORD}', b);
  CREATE INDEX "i ${WORD}" ON "t ${WORD}"("c ${WORD}");
  CREATE VIEW "v ${WORD}" AS SELECT '${WORD}' AS x;
  CREATE TRIGGER "g ${WORD}" AFTER DELETE ON "t ${WORD}" BEGIN SELECT '${WORD}'; END;
  CREATE TABLE loose(x); INSERT INTO loose VALUES ('${WORD}');
  CREATE VIRTUAL TABLE f USING fts5(body); INSERT INTO f VALUES ('${WORD} in the full text');`

function fillRows(driver: InstanceType<typeof Database>, from: number, rows: number): void {
  const insert = driver.prepare(`INSERT INTO "t ${WORD}" VALUES (?, ?, ?)`)
  driver.transaction(() => {
    for (let id = from; id < from + rows; id++) {
      const value =
        id % 2 === 0 ? Buffer.concat([randomBytes(300), Buffer.from(WORD), randomBytes(300)]) : `${WORD} ${id}`
      insert.run(id, `text ${id} ${WORD}`, value)
    }
  })()
}

describe('no plaintext on the disk', () => {
  it('the search finds what it is made for', () => {
    const text = `before ${WORD} after`
    const forms = [
      Buffer.from(text),
      Buffer.from(text, 'utf16le'),
      Buffer.from(text, 'utf16le').swap16(),
      Buffer.from(Buffer.from(text).toString('hex')),
      ...['', 'x', 'xx'].map((shift) => Buffer.from(Buffer.from(shift + text).toString('base64'))),
      Buffer.concat([randomBytes(100), gzipSync(randomBytes(9000).toString('hex') + text)]),
      Buffer.concat([randomBytes(100), gzipSync(text + randomBytes(9000).toString('hex')).subarray(0, 4000)]),
    ]
    for (const form of forms) expect(scan.search(form)).not.toEqual([])
    expect(scan.search(randomBytes(100_000))).toEqual([])
    writeFileSync(join(temporary, 'probe'), text)
    expect(scan.scan(true)).toHaveLength(1)
    rmSync(join(temporary, 'probe'))
    expect(scan.scan()).toEqual([])
  })

  it('[BK-1] [BK-10] a first backup, Deltas, large values, other encodings, a kept file', {
    timeout: 90_000,
  }, async () => {
    const path = useDatabase('app.db', SCHEMA, (driver) => fillRows(driver, 1, 3000))
    const wide = useDatabase('wide.db', `PRAGMA encoding='UTF-16le'; PRAGMA journal_mode=WAL; ${SCHEMA}`, (driver) =>
      fillRows(driver, 1, 200),
    )
    // The shell takes double quotes for strings; here only the application can evaluate that: kept as a sealed file.
    const kept = join(folder, 'kept.db')
    execFileSync('sqlite3', [
      kept,
      `CREATE TABLE t(a, b); CREATE INDEX i ON t(a) WHERE b = "${WORD}"; INSERT INTO t VALUES ('${WORD}', 1)`,
    ])
    for (const database of [path, wide, kept]) {
      await agent.do('add', database)
      expect(await watched(() => agent.do('backup', '--database', nameOf(database)))).toMatchObject({ mode: 'full' })
    }
    const shown = operator('device', 'show', 'till') as { databases: { name: string; kind: string }[] }
    expect(shown.databases.find(({ name }) => name === 'kept')?.kind).toBe('file')

    useDatabase(
      'app.db',
      `UPDATE "t ${WORD}" SET b = '${WORD} once more' WHERE id = 5; ALTER TABLE loose ADD COLUMN "n ${WORD}" DEFAULT '${WORD}'`,
    )
    expect(await watched(() => agent.do('backup', '--database', 'app'))).toMatchObject({ mode: 'delta' })
    // Larger than a message, so that it waits in the spool; with values that need overflow pages and sorters.
    useDatabase('app.db', `CREATE INDEX "later ${WORD}" ON "t ${WORD}"(b)`, (driver) => {
      fillRows(driver, 10_000, 3000)
      const insert = driver.prepare('INSERT INTO loose(x) VALUES (?)')
      insert.run(`${WORD} `.repeat(60_000))
      insert.run(Buffer.concat([randomBytes(3_000_000), Buffer.from(WORD)]))
    })
    const large = await watched(() => agent.do('backup', '--database', 'app'))
    expect(large).toMatchObject({ mode: 'delta' })
    expect(large.exchanges).toBeGreaterThan(1)
  })

  it('[RS-3] [RS-4] a restore: ticket, segments, content key', { timeout: 60_000 }, async () => {
    const restored = join(folder, 'restored.db')
    await watched(() => agent.do('restore', '--database', 'app', '--to', restored))
    expect(canonicalDump(restored)).toBe(canonicalDump(join(folder, 'app.db')))

    const ticket = await watched(requestTicket)
    scan.add('content key', Buffer.from(ticket.contentKey, 'base64url'))
    scan.add('token of the position', ticket.token)
    expect(scan.scan()).toEqual([])
  })

  it('[OM-4] [OM-7] [OM-18] a classic client: upload, half an upload, a hostile one, Alert 205', {
    timeout: 60_000,
  }, async () => {
    const made = operator('account', 'app-password', account.user) as { user: string; password: string }
    scan.add('app password', made.password)
    const login = { url: server.url, ...made, device: 'IMEI:490154203237518' }
    const octets = readFileSync(useDatabase('classic.db', SCHEMA, (driver) => fillRows(driver, 1, 150)))
    expect(await watched(() => plainUpload(login, 'own', octets))).toMatch(/^20[01]$/)
    await watched(() => plainUpload(login, 'own', octets, 3))
    const damaged = Buffer.from(octets)
    damaged.fill(0x5a, 4096, 12_288)
    expect(await watched(() => plainUpload(login, 'own', damaged))).toBe('415')
    const found: string[] = []
    const restored = await watched(() => plainRestore(login, 'own', () => void found.push(...scan.scan())))
    expect(found).toEqual([])
    expect(restored.messages).toBeGreaterThan(5)
    expect(restored.octets.includes(WORD)).toBe(true)
  })

  it('[BK-14] a server killed in the middle of its work, and started again', { timeout: 90_000 }, async () => {
    useDatabase('app.db', '', (driver) => fillRows(driver, 50_000, 20_000))
    const running = agent.start('backup', '--database', 'app', '--full')
    await watched(async () => {
      // A file beside the copies: the import is at work.
      while (!readdirSync(join(data, 'copies')).some((name) => /source|building/.test(name))) await pause(5)
      server.process.kill('SIGKILL')
      await pause(500)
    })
    await running.stop()
    const left = readdirSync(join(data, 'copies')).filter((name) => /source|building/.test(name))
    await server.stop()
    expect(left.length).toBeGreaterThan(0)
    await start()
    expect(readdirSync(join(data, 'copies')).filter((name) => /source|building/.test(name))).toEqual([])
    expect(scan.scan()).toEqual([])
    const again = await createRegisteredAgent(server, account, join(folder, 'home-2'), 'till-2')
    await watched(() =>
      again.do('restore', '--database', 'app', '--from-device', 'till', '--to', join(folder, 'again.db')),
    )
  })

  it('the log has neither content nor credentials', () => {
    logs.push(server.log())
    const lines = logs.join('\n')
    expect(lines).toContain('backup taken')
    expect(scan.search(Buffer.from(lines))).toEqual([])
  })

  it('nothing is left in the folder for temporary files', () => {
    expect(scan.seen.octets).toBeGreaterThan(10_000_000)
    expect(readdirSync(temporary)).toEqual([])
  })
})

function nameOf(path: string): string {
  return /([^/]+)\.db$/.exec(path)?.[1] ?? ''
}

const pause = (ms: number) => new Promise((fulfil) => setTimeout(fulfil, ms))

/** A ticket that nobody fetches by: its image stays. */
async function requestTicket(): Promise<{ contentKey: string; token: string }> {
  const { deviceId } = (await deviceRecord('identity')) as { deviceId: string }
  const post = async (path: string, body: unknown, token = '') => {
    const headers = {
      'content-type': 'application/json',
      ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
    }
    const response = await fetch(`${server.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as Record<string, string>
  }
  const { accessToken } = await post('/accounts/devices/login', { deviceId, secret: await deviceSecret() })
  const token = accessToken ?? ''
  scan.add('access token', token)
  const wanted = { database: 'app', fromDeviceId: deviceId, point: 'latest' }
  return (await post('/api/v1/restores', wanted, token)) as { contentKey: string; token: string }
}

/** Runs an operator's command on the data folder of the running server. */
function operator(...words: string[]): unknown {
  const args = [SERVER_PROGRAM, ...words, '--data', data, '--master-key-file', keyFile, '--json']
  return JSON.parse(
    execFileSync(process.execPath, args, {
      encoding: 'utf8',
      env: { ...process.env, ...environment() },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  )
}
