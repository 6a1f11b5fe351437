/** Quotas against a real server over HTTP: what is refused, with nothing half done, and what goes on all the same. */

import { randomUUID } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ADVICE_HEADER, parseAdvice } from '../../../schemas/http/advice.ts'
import type { QuotaReport } from '../../../schemas/http/quotas.ts'
import { encodeMessage } from '../../../schemas/syncml/codec.ts'
import { MEGABYTE } from '../../../server/quota/quotaRules.ts'
import {
  type HostileDevice,
  type HostileServer,
  hostileDevice,
  openHostileServer,
} from '../../hostile/hostileServer.ts'
import { fileOf, HONEST_SQL, honestDelta, TABLE_SQL } from '../../hostile/material.ts'
import { syncAlert } from '../../support/omadsPeer.ts'

/** About 2.2 MB, compressed or not. */
const LARGE_SQL = `${TABLE_SQL}; WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2100)
  INSERT INTO t SELECT n, randomblob(1000) FROM c`

const logged: string[] = []
let server: HostileServer
let small: Buffer
let large: Buffer
beforeAll(async () => {
  server = await openHostileServer({ logLevel: 'warn' }, (line) => void logged.push(line))
  small = fileOf(HONEST_SQL)
  large = fileOf(LARGE_SQL)
})
afterAll(() => server.close())

const set = (device: Pick<HostileDevice, 'accountId' | 'deviceId'>, change: Record<string, number | null>) =>
  server.server.quotas.set(device, change)
const ofAccount = (device: HostileDevice) => ({ accountId: device.accountId, deviceId: '' })

/** Another device of the same account. */
async function siblingOf({ name, password, accountId }: HostileDevice): Promise<HostileDevice> {
  const deviceId = `sibling-${randomUUID()}`
  const { secret } = await server.server.accounts.registerDevice(accountId, deviceId, deviceId)
  return hostileDevice(server.url, { name, password, accountId, deviceId, secret })
}

async function tokenOf(device: HostileDevice): Promise<string> {
  const response = await fetch(`${server.url}/accounts/devices/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ deviceId: device.deviceId, secret: device.secret }),
  })
  return ((await response.json()) as { accessToken: string }).accessToken
}

async function readQuota(device: HostileDevice): Promise<QuotaReport> {
  const headers = { authorization: `Bearer ${await tokenOf(device)}` }
  return (await (await fetch(`${server.url}/api/v1/quota`, { headers })).json()) as QuotaReport
}

describe('octets', () => {
  it('[QT-5, QT-6] a full account takes nothing new, and its changes still', async () => {
    const device = await server.addDevice()
    expect(await device.sendFile(small)).toMatchObject({ item: 200 })
    expect(await device.sendFile(large, 'other')).toMatchObject({ item: 200 })
    const { account } = await readQuota(device)
    expect(account).toMatchObject({ databases: 2, level: 'free' })
    expect(account.storedBytes).toBeGreaterThan(2 * MEGABYTE)
    expect(account.storedBytes).toBeLessThan(2.5 * MEGABYTE)
    await set(ofAccount(device), { storedMb: 2 })
    const before = await server.copyState(device, 'other')
    expect(await device.sendFile(small, 'third')).toMatchObject({ alert: 420 })
    expect(await device.sendFile(large, 'other')).toMatchObject({ alert: 420 })
    expect(await server.copyState(device, 'other')).toBe(before)
    expect(await server.rowOf(device.accountId, device.deviceId, 'third')).toBeUndefined()
    expect((await readQuota(device)).account.level).toBe('full')
    expect(await device.sendDelta(honestDelta(device))).toMatchObject({ item: 200 })
    expect(logged.join('\n')).toContain('a quota is used up')
    expect(await (await fetch(`${server.url}/metrics`)).text()).toMatch(/quota_refused_total\{what="stored"\} [1-9]/)
  })

  it('[QT-5] changes are taken beyond the quota, and no more beyond the grace', async () => {
    const device = await server.addDevice()
    expect(await device.sendFile(small)).toMatchObject({ item: 200 })
    const other = await siblingOf(device)
    expect(await other.sendFile(large)).toMatchObject({ item: 200 })
    const { storedBytes } = (await readQuota(device)).account
    expect(storedBytes).toBeGreaterThan(1.25 * MEGABYTE)
    await set(ofAccount(device), { storedMb: 1 })
    expect(await device.sendDelta(honestDelta(device))).toMatchObject({ alert: 420 })
    await set(ofAccount(device), { storedMb: Math.floor(storedBytes / MEGABYTE) })
    expect(await device.sendDelta(honestDelta(device))).toMatchObject({ item: 200 })
  })

  it('[QT-5] a file that turns out larger than what is left is not put in place, and the old copy is', async () => {
    const device = await server.addDevice()
    expect(await device.sendFile(small)).toMatchObject({ item: 200 })
    const before = await server.copyState(device)
    await set(device, { storedMb: 1 })
    // Zeros: a few KB on the wire, more than 1 MB as a file.
    const sql = LARGE_SQL.replace('randomblob', 'zeroblob')
    expect(gzipSync(fileOf(sql)).length).toBeLessThan(100_000)
    expect(await device.sendFile(fileOf(sql))).toMatchObject({ alert: 200, item: 420 })
    expect(await server.copyState(device)).toBe(before)
    expect(await device.sendDelta(honestDelta(device))).toMatchObject({ item: 200 })
  })

  it('[QT-2] copies that were put aside count until they go', async () => {
    const device = await server.addDevice()
    expect(await device.sendFile(small)).toMatchObject({ item: 200 })
    const one = (await readQuota(device)).account.storedBytes
    expect(await device.sendFile(small)).toMatchObject({ item: 200 })
    expect((await readQuota(device)).account.storedBytes).toBe(2 * one)
  })

  it('[QT-5] a device that is over its quota can restore', async () => {
    const device = await server.addDevice()
    expect(await device.sendFile(large)).toMatchObject({ item: 200 })
    await set(device, { storedMb: 1 })
    const headers = { authorization: `Bearer ${await tokenOf(device)}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ database: 'app' })
    const ticket = await fetch(`${server.url}/api/v1/restores`, { method: 'POST', headers, body })
    expect(ticket.status).toBe(201)
    const { restoreId } = (await ticket.json()) as { restoreId: string }
    const done = await fetch(`${server.url}/api/v1/restores/${restoreId}/complete`, {
      method: 'POST',
      headers,
      body: '{}',
    })
    expect(done.status).toBe(200)
  })
})

it('[QT-5] one database too many is refused, and those that are there go on', async () => {
  const device = await server.addDevice()
  await set(device, { databases: 1 })
  expect(await device.sendFile(small)).toMatchObject({ item: 200 })
  expect(await device.sendFile(small, 'second')).toMatchObject({ alert: 420 })
  expect(await device.sendFile(small)).toMatchObject({ item: 200 })
  expect(await device.sendDelta(honestDelta(device))).toMatchObject({ item: 200 })
})

it('[QT-7] an upload beyond its quota is refused, be it a file or a Delta', async () => {
  const device = await server.addDevice()
  await set(ofAccount(device), { uploadMb: 1 })
  expect(await device.sendFile(large)).toMatchObject({ alert: 200, item: 416 })
  expect(await server.rowOf(device.accountId, device.deviceId, 'app')).toBeUndefined()
  expect(await device.sendFile(small)).toMatchObject({ item: 200 })
})

describe('sessions', () => {
  it('[QT-8] one too many is refused with the time to stay away, and costs the others nothing', async () => {
    const device = await server.addDevice()
    await set(device, { sessionsPerHour: 2 })
    expect(await device.sendFile(small)).toMatchObject({ header: 212 })
    expect(await device.sendFile(small)).toMatchObject({ header: 212 })
    expect(await device.sendFile(small)).toEqual({ http: 200, header: 417, alert: 417, item: 417 })
    const alert = syncAlert(202, '1', { target: './databases/app', last: '0' })
    const response = await device.postOctets(encodeMessage(device.message([alert]), 'wbxml'))
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(parseAdvice(response.headers.get(ADVICE_HEADER) ?? '')).toEqual({
      sessions: { used: 2, limit: 2, of: 'device' },
    })
    expect((await readQuota(device)).devices[0]).toMatchObject({ sessionsLastHour: 2 })
    const sibling = await siblingOf(device)
    expect(await sibling.sendFile(small)).toMatchObject({ item: 200 })
  })

  it('[QT-8] who is not proven is not counted', async () => {
    const device = await server.addDevice()
    await set(device, { sessionsPerHour: 1 })
    const cred = { meta: { format: 'b64', type: 'syncml:auth-basic' }, data: { kind: 'text', text: 'YTpi' } } as const
    for (let i = 0; i < 3; i++) await device.post(device.message([], { cred }))
    expect(await device.sendFile(small)).toMatchObject({ item: 200 })
  })
})

describe('what is told', () => {
  it('[QT-4, WF-36] each answer says what is used', async () => {
    const device = await server.addDevice()
    await device.sendFile(small)
    await set(ofAccount(device), { storedMb: 100 })
    const response = await device.postOctets(encodeMessage(device.message([]), 'wbxml'))
    const told = parseAdvice(response.headers.get(ADVICE_HEADER) ?? '')
    expect(told).toMatchObject({ stored: { limit: 100 * MEGABYTE, of: 'account' } })
    expect(told.slotAt).toBeUndefined()
  })

  it('[QT-9] a device sees itself and the account; only the operator sets', async () => {
    const device = await server.addDevice()
    const sibling = await siblingOf(device)
    await sibling.sendFile(small)
    const token = await tokenOf(device)
    const report = await readQuota(device)
    expect(report.devices.map(({ deviceId }) => deviceId)).toEqual([device.deviceId])
    expect(report.account.databases).toBe(1)
    const put = (bearer: string, path: string) =>
      fetch(`${server.url}/api/v1/accounts/${device.name}${path}`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
        body: JSON.stringify({ storedMb: 5, databases: null }),
      })
    expect((await put(token, '/quota')).status).toBe(403)
    const operator = await server.server.createOperatorToken(60)
    expect((await put(operator, '/quota')).status).toBe(204)
    expect((await put(operator, `/devices/${device.deviceId}/quota`)).status).toBe(204)
    const after = await readQuota(device)
    expect(after.account).toMatchObject({ limits: { storedMb: 5, databases: 0 }, own: ['storedMb'] })
    expect(after.devices[0]).toMatchObject({ limits: { storedMb: 5, databases: 1000 }, own: ['storedMb'] })
  })
})
