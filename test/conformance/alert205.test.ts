/**
 * A plain SyncML script restores a database by Alert 205: no code of ours on its side. It comes in as the device that
 * made the backup, or as a classic client with an app password that keeps a file of its own.
 */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFileKeyStore } from '../../device-client/node/fileKeyStore.ts'
import { createRegisteredAgent } from '../support/agentProcess.ts'
import { canonicalDump } from '../support/canonicalDump.ts'
import { type PlainLogin, plainRestore, plainUpload } from '../support/plainSyncml.ts'
import { SERVER_PROGRAM } from '../support/programs.ts'
import { interop } from '../support/requireProgram.ts'
import { shellDigest, shellDump } from '../support/shellDump.ts'
import { startServer, type TestAccount, type TestServer } from '../support/startServer.ts'

const shell = interop('sqlite3', 'sqlite3')

let folder: string
let server: TestServer
let account: TestAccount

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-alert205-'))
  server = await startServer()
  account = await server.createAccount()
})

afterAll(async () => {
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
})

function createDatabase(name: string, sql = ''): string {
  const path = join(folder, name)
  const driver = new Database(path)
  driver.exec(`PRAGMA user_version=5; PRAGMA application_id=77;
    CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT UNIQUE, b); CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID;
    CREATE VIEW vw AS SELECT a FROM t; CREATE TRIGGER g AFTER DELETE ON t BEGIN DELETE FROM w WHERE k = OLD.id; END;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 700)
      INSERT INTO t SELECT i, 'row ' || i || ' größe', randomblob(80) FROM n;
    INSERT INTO t(b) VALUES (9007199254740993), (1.0), (-0.0), ('a' || char(0) || 'b'), (x''), (NULL);
    INSERT INTO w SELECT id, b FROM t WHERE id < 50; ${sql}`)
  driver.close()
  return path
}

function save(name: string, octets: Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, octets)
  return path
}

function expectEqual(restored: string, original: string): void {
  expect(shellDump(restored)).toBe(shellDump(original))
  expect(shellDigest(restored)).toBe(shellDigest(original))
  expect(canonicalDump(restored)).toBe(canonicalDump(original))
  expect(execFileSync('sqlite3', [restored, 'PRAGMA integrity_check'], { encoding: 'utf8' })).toBe('ok\n')
}

describe.skipIf(!shell.available)(`a script that knows nothing but SyncML ${shell.reason}`, () => {
  it('[RS-9] [OM-6] restores as the device what our agent backed up, full and Delta', async () => {
    const home = join(folder, 'home')
    const agent = await createRegisteredAgent(server, account, home, 'till')
    const original = createDatabase('shop.db')
    await agent.do('add', original, '--name', 'shop')
    await agent.do('backup')
    const driver = new Database(original)
    driver.exec(
      "UPDATE t SET b = 'changed' WHERE id = 7; ALTER TABLE t ADD COLUMN c DEFAULT 1.5; DELETE FROM t WHERE id = 8",
    )
    driver.close()
    expect(await agent.do('backup')).toMatchObject({ mode: 'delta' })

    const records = createFileKeyStore(join(home, 'records'))
    const text = async (key: string) => JSON.parse(Buffer.from((await records.get(key)) ?? []).toString()) as unknown
    const { deviceId: device } = (await text('identity')) as { deviceId: string }
    const login = { url: server.url, user: account.user, password: (await text('secret')) as string, device }
    const restored = await plainRestore(login, 'shop')
    expect(restored.messages).toBeGreaterThan(8)
    expect(restored.announced).toBe(Math.ceil(restored.octets.length / 3) * 4)
    expectEqual(save('shop-restored.db', restored.octets), original)

    await expect(plainRestore(login, 'no-such')).rejects.toThrow('alert: status 404')
    await expect(plainRestore({ ...login, password: 'wrong' }, 'shop')).rejects.toThrow('login: status 401')
    // The copy goes on as before.
    expect(await agent.do('backup')).toMatchObject({ mode: 'none' })
  })

  it('[AC-9] [BK-9] [OM-17] [RS-9] keeps a file of its own with an app password and gets it back', async () => {
    const login = { url: server.url, ...appPassword(), device: 'IMEI:490154203237518' }
    const original = createDatabase('own.db')
    expect(await plainUpload(login, 'own', readFileSync(original))).toMatch(/^20[01]$/)
    expectEqual(save('own-restored.db', (await plainRestore(login, 'own')).octets), original)

    const later = createDatabase('later.db', 'DELETE FROM t WHERE id > 300; CREATE TABLE more(x)')
    expect(await plainUpload(login, 'own', readFileSync(later))).toMatch(/^20[01]$/)
    expectEqual(save('later-restored.db', (await plainRestore(login, 'own')).octets), later)
  })

  it('[RS-8] [AC-9] an app password opens no copy of another device, and not under its id', async () => {
    const password = appPassword()
    const stranger: PlainLogin = { url: server.url, ...password, device: 'IMEI:490154203237519' }
    await expect(plainRestore(stranger, 'shop')).rejects.toThrow('alert: status 404')
    const devices = serverCommand('device', 'list') as {
      devices: { deviceId: string; name: string }[]
    }
    const till = devices.devices.find(({ name }) => name === 'till')
    await expect(plainRestore({ ...stranger, device: till?.deviceId ?? '' }, 'shop')).rejects.toThrow(
      /login: status 40[13]/,
    )
  })

  it('[BK-9] a file that is no database is refused with 415, and the copy stays', async () => {
    const login = { url: server.url, ...appPassword(), device: 'IMEI:490154203237520' }
    const original = createDatabase('kept.db')
    expect(await plainUpload(login, 'kept', readFileSync(original))).toMatch(/^20[01]$/)
    const damaged = readFileSync(original)
    damaged.fill(0x5a, 4096, 12_288)
    expect(await plainUpload(login, 'kept', damaged)).toBe('415')
    expectEqual(save('kept-restored.db', (await plainRestore(login, 'kept')).octets), original)
  })
})

function appPassword(): { user: string; password: string } {
  return serverCommand('account', 'app-password', account.user) as { user: string; password: string }
}

/** Runs an operator's command on the data folder of the running server. */
function serverCommand(...words: string[]): unknown {
  const args = [SERVER_PROGRAM, ...words, '--data', server.dataFolder, '--json']
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }))
}
