/** The real agent against a real server: slots, quotas and a server that has too much to do. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { createAgentRecords } from '../../device-client/agentRecords.ts'
import { describeStatus } from '../../device-client/node/cli/describeStatus.ts'
import { readScheduleState } from '../../device-client/node/cli/scheduleHost.ts'
import { nodeClock } from '../../device-client/node/clock.ts'
import { openHome } from '../../device-client/node/home.ts'
import { openNodeClient } from '../../device-client/node/openNodeClient.ts'
import { encodeMessage } from '../../schemas/syncml/codec.ts'
import { MEGABYTE } from '../../server/quota/quotaRules.ts'
import { type HostileServer, openHostileServer } from '../hostile/hostileServer.ts'
import { fileOf, HONEST_SQL, TABLE_SQL } from '../hostile/material.ts'
import { addOf, syncAlert, syncOf } from '../support/omadsPeer.ts'

let server: HostileServer
beforeAll(async () => {
  server = await openHostileServer({ overloadMs: '200' })
})
afterAll(() => server.close())

async function newAgent() {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-quota-device-'))
  const home = openHome(join(folder, 'home'))
  const held = home.lock('work')
  const lines: string[] = []
  const note = (message: string): void => void lines.push(message)
  const log = { debug: note, info: note, warn: note }
  const { client, close } = openNodeClient(home, log, '0')
  onTestFinished(() => {
    close()
    held.release()
    rmSync(folder, { recursive: true, force: true })
  })
  const { name: user, password, accountId } = await server.addAccount()
  const { deviceId } = await client.init({ server: server.url, user, password, device: 'desk' })
  const path = join(folder, 'app.db')
  const db = new Database(path)
  db.exec(`${TABLE_SQL}; INSERT INTO t VALUES (1, 'first')`)
  onTestFinished(() => void db.close())
  await client.add({ path, name: 'app' })
  const records = createAgentRecords(home.keyStore)
  const status = async () => (await describeStatus({ client, home, records, clock: nodeClock } as never)).text
  return { client, records, db, accountId, deviceId, lines, status }
}

it('[QT-10, DC-120] a backup that says when it comes next is told a moment then, for that run', async () => {
  const { client, records, db } = await newAgent()
  const from = (Math.floor(Date.now() / 60_000) + 600) * 60_000
  const window = { from, until: from + 3_600_000 }
  await client.backup('app', { window })
  const first = (await readScheduleState(records, 'app'))?.suggestedAt ?? 0
  expect(first >= window.from && first < window.until).toBe(true)
  db.exec("INSERT INTO t VALUES (2, 'second')")
  expect(await client.backup('app', { window })).toMatchObject({ mode: 'delta', exchanges: 1 })
  expect((await records.history('app')).advice?.slotAt).toBe(first)
  db.exec("INSERT INTO t VALUES (3, 'third')")
  await client.backup('app')
  expect((await records.history('app')).advice?.slotAt).toBeUndefined()
})

it('[DC-123, QT-6] a quota that is used up is told by what is used, in the error and in status', async () => {
  const { client, db, accountId, deviceId, status } = await newAgent()
  await client.backup('app')
  await server.server.quotas.set({ accountId, deviceId }, { storedMb: 1 })
  db.exec(`WITH RECURSIVE c(n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM c WHERE n < 2000)
    INSERT INTO t SELECT n, randomblob(1000) FROM c`)
  // A Delta is taken to its end, though it leaves the quota behind.
  expect(await client.backup('app')).toMatchObject({ mode: 'delta' })
  db.exec("UPDATE t SET x = 'changed' WHERE id = 1")
  const refused = await client.backup('app').catch((error: unknown) => error)
  expect(refused).toMatchObject({ code: 'quota.exceeded', fields: { limit: MEGABYTE, of: 'device' } })
  expect(await status()).toMatch(
    /the quota is used up: 2\.\d MB of 1\.0 MB of the device\b.*quota: 2\.\d MB of 1\.0 MB/,
  )
  await server.server.quotas.set({ accountId, deviceId }, { storedMb: null })
  expect(await client.backup('app')).toMatchObject({ mode: 'delta', puts: 1 })
})

it('[DC-123, QT-7] an upload beyond its quota ends there: no whole file is tried in place of the Delta', async () => {
  const { client, db, accountId, deviceId } = await newAgent()
  await client.backup('app')
  await server.server.quotas.set({ accountId, deviceId }, { uploadMb: 1 })
  db.exec(`WITH RECURSIVE c(n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM c WHERE n < 3000)
    INSERT INTO t SELECT n, randomblob(1000) FROM c`)
  const refused = await client.backup('app').catch((error: unknown) => error)
  expect(refused).toMatchObject({ code: 'quota.exceeded', fields: { limit: MEGABYTE } })
})

it('[QT-13] under too much work new sessions are told to come later, and those that began go on', {
  timeout: 60_000,
}, async () => {
  const small = fileOf(HONEST_SQL)
  const large = fileOf(`${TABLE_SQL}; WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 60000)
    INSERT INTO t SELECT n, 'row ' || n FROM c`)
  const begun = await server.addDevice()
  const target = './databases/app'
  const half = Math.floor(small.length / 2)
  const chunk = (bytes: Uint8Array, more: object) => {
    const add = addOf('content', bytes)
    const items = add.name === 'Add' ? add.items.map((item) => ({ ...item, ...more })) : []
    return syncOf([{ ...add, items } as never], target)
  }
  const type = 'application/vnd.sqlite3'
  const meta = { format: 'bin', type }
  const alert = syncAlert(203, '1', { target, last: '0' })
  const opening = begun.message(
    [alert, chunk(small.subarray(0, half), { meta: { ...meta, size: small.length }, moreData: true })],
    { sessionId: 'begun' },
    false,
  )
  expect((await begun.postOctets(encodeMessage(opening, 'wbxml'))).status).toBe(200)
  const many = await Promise.all(Array.from({ length: 24 }, () => server.addDevice()))
  const uploads = many.map((device) => device.sendFile(large))
  const late = await server.addDevice()
  const seen: number[] = []
  let after = 0
  for (let tries = 0; tries < 100 && after === 0; tries++) {
    const response = await late.postOctets(encodeMessage(late.message([alert]), 'wbxml'))
    seen.push(response.status)
    after = response.status === 503 ? Number(response.headers.get('retry-after')) : 0
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  expect(seen.at(-1)).toBe(503)
  expect(after >= 10 && after <= 300).toBe(true)
  const rest = begun.message([chunk(small.subarray(half), { meta })], { sessionId: 'begun', msgId: '2' })
  const { reply } = await begun.post(rest)
  expect(reply?.commands.filter((c) => c.name === 'Status').map((c) => c.data)).not.toContain(503)
  // Those whose sessions had begun are all served; who came later can come again.
  const answers = await Promise.all(uploads)
  expect(answers.every(({ http, item }) => (http === 200 ? item === 200 : http === 503))).toBe(true)
  expect(answers.filter(({ item }) => item === 200).length).toBeGreaterThan(2)
  expect(await (await fetch(`${server.url}/metrics`)).text()).toMatch(/sessions_deferred_total [1-9]/)
})
