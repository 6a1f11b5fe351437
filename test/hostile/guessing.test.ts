/** Password guessing: slow for who guesses, without a word to the owner (AC-5). Addresses are told by a trusted proxy. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contentTypeOf, decodeMessage, encodeMessage } from '../../schemas/syncml/codec.ts'
import { basicCredential, ha1, md5Credential } from '../../schemas/syncml/credential.ts'
import type { Cred, Message } from '../../schemas/syncml/message.ts'
import { headerStatus } from '../support/omadsPeer.ts'
import { type HostileDevice, type HostileServer, openHostileServer } from './hostileServer.ts'
import { fileOf, HONEST_SQL, honestDelta } from './material.ts'

let server: HostileServer
let owner: HostileDevice

beforeAll(async () => {
  server = await openHostileServer({ trustProxy: '1' })
  owner = await server.addDevice()
  expect(await owner.sendFile(fileOf(HONEST_SQL))).toMatchObject({ item: 200 })
})
afterAll(() => server.close())

const json = (path: string, body: unknown, address: string) =>
  fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
    body: JSON.stringify(body),
  })

async function syncml(cred: Cred, address: string, device = owner): Promise<Message> {
  const response = await fetch(`${server.url}/omads`, {
    method: 'POST',
    headers: { 'content-type': contentTypeOf('wbxml'), 'x-forwarded-for': address },
    body: Buffer.from(encodeMessage(device.message([], { cred }), 'wbxml')),
  })
  return decodeMessage(new Uint8Array(await response.arrayBuffer()), 'wbxml')
}

const basic = (secret: string): Cred => ({
  meta: { format: 'b64', type: 'syncml:auth-basic' },
  data: { kind: 'text', text: basicCredential(owner.name, secret) },
})
const md5 = (secret: string, nonce: Uint8Array = new Uint8Array()): Cred => ({
  meta: { format: 'b64', type: 'syncml:auth-md5' },
  data: { kind: 'text', text: md5Credential(ha1(owner.name, secret), nonce) },
})

/** One try of a way in, from an address: with the right secret or a guess. True if let in, and what was said. */
type Try = (address: string, right: boolean) => Promise<{ readonly in: boolean; readonly limited: boolean }>

const ways: [string, Try][] = [
  [
    'account login',
    async (address, right) => {
      const { status } = await json(
        '/accounts/login',
        { name: owner.name, password: right ? owner.password : 'a guess' },
        address,
      )
      return { in: status === 200, limited: status === 429 }
    },
  ],
  [
    'device login',
    async (address, right) => {
      const { status } = await json(
        '/accounts/devices/login',
        { deviceId: owner.deviceId, secret: right ? owner.secret : 'a guess' },
        address,
      )
      return { in: status === 200, limited: status === 429 }
    },
  ],
  [
    'SyncML basic',
    async (address, right) => {
      const reply = await syncml(basic(right ? owner.secret : 'a guess'), address)
      return { in: headerStatus(reply)?.data === 212, limited: false }
    },
  ],
  [
    'SyncML MD5',
    async (address, right) => {
      if (!right) return { in: headerStatus(await syncml(md5('a guess'), address))?.data === 212, limited: false }
      const challenged = headerStatus(await syncml(md5('not yet'), address))
      const reply = await syncml(md5(owner.secret, challenged?.chal?.meta.nextNonce), address)
      return { in: headerStatus(reply)?.data === 212, limited: false }
    },
  ],
]

describe.each(ways)('%s', (way, attempt) => {
  // Basic and MD5 are counted together: each way has an owner of its own.
  beforeAll(async () => {
    owner = await server.addDevice()
    expect(await owner.sendFile(fileOf(HONEST_SQL))).toMatchObject({ item: 200 })
  })
  const net = 10 + ways.findIndex(([name]) => name === way)
  it('[AC-5] from one address: guesses run out, and then even the right secret is not looked at', async () => {
    const attacker = `10.${net}.0.1`
    for (let i = 0; i < 60; i++) expect((await attempt(attacker, false)).in).toBe(false)
    expect((await attempt(attacker, true)).in).toBe(false)
    expect((await attempt(`10.${net}.0.2`, true)).in).toBe(true)
  })

  it('[AC-5] from 300 addresses: the subject runs out for strangers, not for the owner at his own address', async () => {
    const home = `10.${net}.0.2`
    for (let i = 0; i < 300; i++)
      for (let n = 0; n < (way === 'SyncML MD5' ? 4 : 1); n++)
        await attempt(`10.${net}.${1 + (i >> 8)}.${i & 255}`, false)
    expect((await attempt(home, true)).in).toBe(true)
    expect((await attempt(`10.${net}.99.1`, true)).in).toBe(false)
  })
})

it('[AC-5] the owner backs up while all this is counted against his name', async () => {
  expect(await owner.sendDelta(honestDelta(owner))).toMatchObject({ item: 200 })
})

it('[AC-5] guesses at other accounts from one address run out too', async () => {
  const attacker = '10.50.0.1'
  const statuses = new Set<number>()
  for (let i = 0; i < 120; i++)
    statuses.add((await json('/accounts/login', { name: `nobody-${i}`, password: 'a guess' }, attacker)).status)
  expect(statuses).toEqual(new Set([401, 429]))
})

it('[AC-5] an address that is made up by the caller does not count where no proxy is trusted', async () => {
  const open = await openHostileServer()
  const account = await open.addAccount()
  const statuses: number[] = []
  for (let i = 0; i < 12; i++) {
    const response = await fetch(`${open.url}/accounts/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': `10.0.0.${i}` },
      body: JSON.stringify({ name: account.name, password: 'a guess' }),
    })
    statuses.push(response.status)
  }
  await open.close()
  expect(statuses.at(-1)).toBe(429)
})

it('[AC-4] a disabled device that is not known yet is refused at every door at once', async () => {
  const device = await server.addDevice()
  await server.server.accounts.setDeviceDisabled(device.deviceId, true, device.accountId)
  const login = await json('/accounts/devices/login', { deviceId: device.deviceId, secret: device.secret }, '10.60.0.1')
  expect(login.status).toBe(403)
  expect(await device.sendFile(fileOf(HONEST_SQL))).toEqual({ http: 200, header: 403, alert: 403, item: 403 })
  expect(await server.copyState(device)).toBe('no copy')
})
