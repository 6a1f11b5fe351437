/** Hostile HTTP: every call with the ids of another account, forged tokens, bodies and lines that are none. */

import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { calls } from '../../schemas/http/api.ts'
import { type HostileDevice, type HostileServer, openHostileServer } from './hostileServer.ts'
import { fileOf, HONEST_SQL, honestDelta } from './material.ts'

let server: HostileServer
let a: HostileDevice
let b: HostileDevice
let before: string
/** Tokens of A, which must never reach B. */
let tokens: { account: string; device: string }
let restoreOfB: string

const post = (path: string, body: unknown, token?: string) =>
  fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

async function tokensOf(device: HostileDevice) {
  const account = (await (await post('/accounts/login', { name: device.name, password: device.password })).json()) as {
    accessToken: string
  }
  const own = (await (
    await post('/accounts/devices/login', { deviceId: device.deviceId, secret: device.secret })
  ).json()) as { accessToken: string }
  return { account: account.accessToken, device: own.accessToken }
}

beforeAll(async () => {
  server = await openHostileServer({ requestTimeoutMs: '1500' })
  a = await server.addDevice()
  b = await server.addDevice()
  for (const device of [a, b]) expect(await device.sendFile(fileOf(HONEST_SQL))).toMatchObject({ item: 200 })
  tokens = await tokensOf(a)
  const ticket = await post('/api/v1/restores', { database: 'app' }, (await tokensOf(b)).device)
  restoreOfB = ((await ticket.json()) as { restoreId: string }).restoreId
  before = await server.copyState(b)
})
afterAll(() => server.close())

describe('account A and the ids of account B', () => {
  it.each(Object.keys(calls))('[RS-8] %s', async (name) => {
    const call = calls[name as keyof typeof calls] as { method: string; path: string; body?: unknown }
    const path = call.path
      .replace('{deviceId}', encodeURIComponent(b.deviceId))
      .replace(/(accounts\/)\{name\}/, `$1${b.name}`)
      .replace('{name}', 'app')
      .replace('{restoreId}', restoreOfB)
      .replace('{segment}', '0')
    const bodies = [
      { database: 'app', fromDeviceId: b.deviceId },
      { name: 'device of a', deviceId: b.deviceId },
      { deviceId: b.deviceId, secret: a.secret },
      { name: b.name, password: a.password },
      { disabled: true },
      { accountId: b.accountId, deviceId: b.deviceId, disabled: true, name: b.name, accountName: b.name },
    ]
    for (const token of [tokens.account, tokens.device, undefined])
      for (const body of call.body === undefined ? [undefined] : bodies) {
        const response = await fetch(`${server.url}${path}`, {
          method: call.method.toUpperCase(),
          headers: {
            ...(token && { authorization: `Bearer ${token}` }),
            ...(body && { 'content-type': 'application/json' }),
          },
          ...(body && { body: JSON.stringify(body) }),
        })
        const text = await response.text()
        expect(response.status, text).toBeLessThan(500)
        if (response.status < 300) {
          // What A is given is A's own: no id of B stands in it, but the device id A chose for a device of its own.
          const own = name === 'registerDevice' || name === 'listOwnDevices' ? text.replaceAll(b.deviceId, '') : text
          for (const foreign of [b.accountId, b.deviceId, b.name, b.secret, restoreOfB, b.lineage])
            expect(own).not.toContain(foreign)
        } else expect(response.headers.get('content-type')).toContain('application/problem+json')
      }
    expect(await server.copyState(b)).toBe(before)
    expect(await server.server.accounts.isEnabled(b.accountId, b.deviceId)).toBe(true)
  })
})

describe('tokens', () => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const forged = (change: { header?: object; claims?: object }, make: (input: string) => Buffer) => {
    const [head = '', body = ''] = tokens.device.split('.')
    const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as object
    const input = `${encode({ ...decode(head), ...change.header })}.${encode({ ...decode(body), ...change.claims })}`
    return `${input}.${make(input).toString('base64url')}`
  }
  const otherKey = generateKeyPairSync('ed25519').privateKey
  it.each<[string, () => string]>([
    ['alg none', () => forged({ header: { alg: 'none' } }, () => Buffer.alloc(0))],
    ['alg none in capitals', () => forged({ header: { alg: 'NoNe' } }, () => Buffer.alloc(0))],
    [
      'HMAC with the public key',
      () => forged({ header: { alg: 'HS256' } }, (input) => createHmac('sha256', 'x').update(input).digest()),
    ],
    ['another key', () => forged({}, (input) => sign(null, Buffer.from(input), otherKey))],
    [
      'a key of its own in the header',
      () =>
        forged({ header: { jwk: generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }) } }, (input) =>
          sign(null, Buffer.from(input), otherKey),
        ),
    ],
    [
      'a key that is a path',
      () => forged({ header: { kid: '../../../etc/passwd' } }, (input) => sign(null, Buffer.from(input), otherKey)),
    ],
    [
      'the claims of another',
      () => forged({ claims: { sub: b.accountId } }, () => Buffer.from(tokens.device.split('.')[2] ?? '', 'base64url')),
    ],
    [
      'the scope of an operator',
      () =>
        forged({ claims: { scope: 'operator' } }, () => Buffer.from(tokens.device.split('.')[2] ?? '', 'base64url')),
    ],
    ['no signature', () => tokens.device.split('.').slice(0, 2).join('.')],
    ['60,000 characters', () => 'x'.repeat(12_000)],
    ['text', () => 'null'],
    ['a refresh token', () => 'a'.repeat(64)],
  ])('[AC-3] %s', async (_, token) => {
    const response = await fetch(`${server.url}/api/v1/databases`, { headers: { authorization: `Bearer ${token()}` } })
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ code: 'auth.invalid' })
  })

  it('[AC-12] an account cannot do what an operator does, nor a device what an account does', async () => {
    const get = (path: string, token: string) =>
      fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${token}` } })
    for (const token of [tokens.account, tokens.device]) expect((await get('/api/v1/accounts', token)).status).toBe(403)
    expect((await post('/accounts/devices', { name: 'x', deviceId: 'y' }, tokens.device)).status).toBe(403)
    expect((await post('/accounts/app-passwords', {}, tokens.device)).status).toBe(403)
  })
})

describe('bodies, paths, ranges', () => {
  it.each<[string, string, number]>([
    ['nested 30,000 deep', `${'['.repeat(30_000)}${']'.repeat(30_000)}`, 400],
    ['__proto__', '{"__proto__":{"scope":"operator"},"name":"x","password":"long enough"}', 400],
    ['constructor', '{"constructor":{"prototype":{"x":1}},"name":"nn","password":"long enough"}', 400],
    ['100 KB', JSON.stringify({ name: 'x'.repeat(100_000), password: 'y' }), 413],
    ['a list', '[]', 400],
    ['a number', '1', 400],
    ['nothing', '', 400],
  ])('[WF-3] JSON: %s', async (_, body, status) => {
    expect((await post('/accounts/login', body)).status).toBe(status)
    expect(({} as Record<string, unknown>).scope).toBeUndefined()
  })

  it('[WF-3] a body that inflates', async () => {
    const { gzipSync } = await import('node:zlib')
    const body = gzipSync(Buffer.alloc(100_000_000, 0x20))
    for (const [path, type] of [
      ['/accounts/login', 'application/json'],
      ['/omads', 'application/vnd.syncml+xml'],
    ] as const) {
      const headers = { 'content-type': type, 'content-encoding': 'gzip' }
      expect((await fetch(`${server.url}${path}`, { method: 'POST', headers, body })).status).toBe(413)
    }
  })

  it.each(['..', '%2e%2e', '..%2f..%2fmaster.key', '%00', 'a/b/c', '-1', '1e9', '%', "'; DROP TABLE restores; --"])(
    '[RS-8] restore id %s',
    async (id) => {
      const response = await fetch(`${server.url}/api/v1/restores/${id}/segments/0`, {
        headers: { authorization: `Bearer ${tokens.device}` },
      })
      expect([400, 404]).toContain(response.status)
      expect(await response.text()).not.toContain('master.key')
    },
  )

  it.each<[string, number]>([
    ['bytes=0-0', 206],
    ['bytes=-1', 206],
    ['bytes=0-', 206],
    ['bytes=99999999-', 416],
    ['bytes=5-2', 416],
    ['bytes=-0', 416],
    [`bytes=${Array.from({ length: 2000 }, () => '0-').join(',')}`, 200],
    ['lines=1-2', 200],
    ['bytes=a-b', 200],
    ['bytes', 200],
  ])('[RS-6] Range %s', async (range, status) => {
    const ticket = (await (await post('/api/v1/restores', { database: 'app' }, tokens.device)).json()) as {
      restoreId: string
    }
    const url = `${server.url}/api/v1/restores/${ticket.restoreId}/segments/0`
    const response = await fetch(url, { headers: { authorization: `Bearer ${tokens.device}`, range } })
    expect([status, range.length > 15_000 ? 431 : status]).toContain(response.status)
    await response.arrayBuffer()
  })
})

describe('lines that are no requests', () => {
  /** Sends octets and gives what came back until the server ended the connection. */
  const raw = (text: string, waitMs = 6000): Promise<string> =>
    new Promise((resolve) => {
      const { hostname, port } = new URL(server.url)
      const socket = connect(Number(port), hostname, () => socket.write(text))
      let answer = ''
      socket.on('data', (data) => {
        answer += data.toString('latin1')
      })
      socket.on('error', () => socket.destroy())
      socket.on('close', () => resolve(answer))
      setTimeout(() => socket.destroy(), waitMs)
    })

  it.each<[string, string, RegExp]>([
    [
      'two lengths',
      'POST /omads HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
      /^HTTP\/1.1 400/,
    ],
    [
      'length and chunks',
      'POST /omads HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      /^HTTP\/1.1 400/,
    ],
    [
      'chunks twice',
      'POST /omads HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
      /^HTTP\/1.1 400/,
    ],
    ['a bare line feed', 'GET /livez HTTP/1.1\nHost: a\n\n', /^HTTP\/1.1 400/],
    ['a space before the colon', 'GET /livez HTTP/1.1\r\nHost : a\r\n\r\n', /^HTTP\/1.1 400/],
    ['100 KB of headers', `GET /livez HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`, /^HTTP\/1.1 431/],
    ['no HTTP', 'hello\r\n\r\n', /^HTTP\/1.1 400/],
    [
      'a chunk of 2^64',
      'POST /omads HTTP/1.1\r\nHost: a\r\nContent-Type: application/vnd.syncml+xml\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n',
      /^HTTP\/1.1 400/,
    ],
    ['a head that never ends', 'GET /livez HTTP/1.1\r\nHost: a\r\n', /^HTTP\/1.1 408/],
    [
      'a body that never ends',
      'POST /omads HTTP/1.1\r\nHost: a\r\nContent-Type: application/vnd.syncml+xml\r\nContent-Length: 1000\r\n\r\n<Sync',
      /^HTTP\/1.1 408/,
    ],
  ])('[OM-1] %s', async (_, text, expected) => expect(await raw(text)).toMatch(expected), 10_000)

  it('[OM-23] 64 bodies of 4 MiB that do not arrive do not fill the memory: the rest is told to come again', async () => {
    const { hostname, port } = new URL(server.url)
    const answers: string[] = []
    const sockets = Array.from({ length: 64 }, () => {
      const socket = connect(Number(port), hostname)
      socket.on('data', (data) => answers.push(data.toString('latin1').slice(9, 12)))
      socket.on('error', () => socket.destroy())
      socket.write(
        'POST /omads HTTP/1.1\r\nHost: a\r\nContent-Type: application/vnd.syncml+xml\r\nContent-Length: 4000000\r\n\r\n<',
      )
      return socket
    })
    await expect.poll(() => answers.filter((status) => status === '503').length, { timeout: 5000 }).toBeGreaterThan(20)
    expect(await a.sendDelta(honestDelta(a))).toMatchObject({ item: 200 })
    for (const socket of sockets) socket.destroy()
  })

  it('[OM-1] 1000 connections that say nothing leave room for others', async () => {
    const { hostname, port } = new URL(server.url)
    const sockets = Array.from({ length: 1000 }, () => connect(Number(port), hostname).on('error', () => {}))
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(await server.ready()).toBe(true)
    for (const socket of sockets) socket.destroy()
  })
})

it('[RS-8] B is as before', async () => {
  expect(await server.copyState(b)).toBe(before)
  expect(await b.sendDelta(honestDelta(b))).toMatchObject({ item: 200 })
})
