/**
 * Deliveries over HTTP, on a real server that is killed and started again: who may take part, what devices are told and
 * get, and what the operator sees.
 */

import { execFile } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { compactVerify, importJWK } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseDeliveryMap } from '../../../schemas/delivery/deliveryMap.ts'
import { PACKET_HEADER, parsePacketHeader } from '../../../schemas/delivery/packetHeader.ts'
import { countOf, numbersOf } from '../../../schemas/delivery/segmentRanges.ts'
import type { DeliveryNews, DeliverySummary, DeliveryTicket } from '../../../schemas/http/deliveries.ts'
import { readSigned, readSignedMap } from '../../../server/restore/signSegmentMap.ts'
import { createRegisteredAgent } from '../../support/agentProcess.ts'
import { startServer, type TestAccount, type TestServer } from '../../support/startServer.ts'

const program = fileURLToPath(new URL('../../../server/cli/nightferry.mjs', import.meta.url))

interface Caller {
  readonly deviceId: string
  readonly token: string
}

let folder: string
let server: TestServer
let account: TestAccount
let owner: string
let source: string
const devices: Caller[] = []
let stranger: Caller

async function ask(method: string, path: string, token: string | undefined, body?: unknown): Promise<Response> {
  return fetch(`${server.url}${path}`, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
}

async function json<T>(answer: Promise<Response>): Promise<T> {
  const response = await answer
  const text = await response.text()
  if (!response.ok) throw new Error(`${response.status} ${text}`)
  return JSON.parse(text) as T
}

async function addDevice(token: string, name: string): Promise<Caller> {
  const deviceId = `${name}-${randomUUID()}`
  const body = { name, deviceId }
  const { secret } = await json<{ secret: string }>(ask('POST', '/accounts/devices', token, body))
  const login = ask('POST', '/accounts/devices/login', undefined, { deviceId, secret })
  return { deviceId, token: (await json<{ accessToken: string }>(login)).accessToken }
}

async function login({ user, password }: TestAccount): Promise<string> {
  return (await json<{ accessToken: string }>(ask('POST', '/accounts/login', undefined, { name: user, password })))
    .accessToken
}

const start = () => startServer({ dataFolder: join(folder, 'data') })

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-delivery-'))
  server = await start()
  account = await server.createAccount()
  const agent = await createRegisteredAgent(server, account, join(folder, 'home'), 'till')
  const path = join(folder, 'app.db')
  const database = new Database(path)
  database.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, x BLOB)')
  const insert = database.prepare('INSERT INTO t(x) VALUES(randomblob(4000))')
  for (let row = 0; row < 500; row++) insert.run()
  database.close()
  await agent.do('add', path)
  await agent.do('backup')
  owner = await login(account)
  const listed = await json<{ devices: { deviceId: string }[] }>(ask('GET', '/accounts/devices', owner))
  source = listed.devices[0]?.deviceId ?? ''
  for (const name of ['phone', 'tablet', 'third']) devices.push(await addDevice(owner, name))
  stranger = await addDevice(await login(await server.createAccount()), 'stranger')
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

function orderFor(names: readonly Caller[], more: object = {}): object {
  const preferences = {
    strategy: 'shortestTime',
    devices: names.map(({ deviceId }) => ({ deviceId })),
    onLoss: 'take-over',
  }
  return { database: 'app', fromDeviceId: source, preferences, waitS: 60, ...more }
}

const create = (names: readonly Caller[], more?: object): Promise<DeliverySummary> =>
  json(ask('POST', '/api/v1/deliveries', owner, orderFor(names, more)))

function joining(speed: number, more: object = {}): object {
  const links = [{ linkId: 'wifi', type: 'wifi', givenBytesPerSecond: speed }]
  return { syncEnabled: true, links, networks: [], place: 'home', addresses: [], held: [], ...more }
}

const at = (deliveryId: string, what: string): string => `/api/v1/deliveries/${deliveryId}/${what}`

const progress = (held: readonly (readonly number[])[], revision: number): object => ({
  ...{ held, serverBytes: 0, peerBytes: 0, links: [], revision },
})

describe('a Delivery over HTTP', () => {
  it('[DL-18, DL-22, DL-24, WF-40, WF-41] is ordered, joined, fetched by its signed map, and complete', async () => {
    const [phone, tablet] = devices as [Caller, Caller]
    const created = await create([phone, tablet])
    expect(created).toMatchObject({ phase: 'waiting', database: 'app' })
    expect(created.characteristics.segments).toBeGreaterThan(20)
    const { deliveryId } = created
    const first = await json<DeliveryTicket>(
      ask('POST', at(deliveryId, 'join'), phone.token, joining(3e6, { addresses: ['192.0.2.1:4000'] })),
    )
    expect(first.news).toMatchObject({ phase: 'waiting', revision: 0, peers: [] })
    // It waits until the other one is there.
    const waiting = json<DeliveryNews>(
      ask('GET', `${at(deliveryId, 'news')}?wait=20&news=${first.news.news}`, phone.token),
    )
    const second = await json<DeliveryTicket>(ask('POST', at(deliveryId, 'join'), tablet.token, joining(1e6)))
    const news = await waiting
    expect(news.phase).toBe('running')
    const [seen] = second.news.peers
    expect(seen).toMatchObject({ peerId: first.peerId, addresses: ['192.0.2.1:4000'] })
    expect(news.peers[0]).toMatchObject({ peerId: second.peerId, key: seen?.key })

    const key = await importJWK(first.signingKeys[0] ?? {}, 'EdDSA')
    const { payload, protectedHeader } = await compactVerify(news.map ?? '', key)
    expect(protectedHeader.typ).toBe('nightferry-delivery-map+jws')
    const map = parseDeliveryMap(JSON.parse(new TextDecoder().decode(payload)))
    expect(map).toMatchObject({ deliveryId, revision: 1, isFinal: false, serverId: first.serverId })
    expect(map.segmentMap).toBe(createHash('sha256').update(first.segmentMap).digest('hex'))
    expect(map.validationKey).toEqual(first.signingKeys[0])
    const image = readSignedMap(first.segmentMap)
    const shares = map.assignments.map(({ segments }) => countOf(segments))
    expect(shares.reduce((sum, share) => sum + share, 0)).toBe(image.segments.length)
    expect(Math.max(...shares) / image.segments.length).toBeCloseTo(0.75, 1)

    for (const { segments } of map.assignments)
      for (const number of [...numbersOf(segments)].slice(0, 2)) {
        const answer = await ask('GET', at(deliveryId, `segments/${number}`), phone.token)
        const packet = parsePacketHeader(answer.headers.get(PACKET_HEADER))
        expect(packet).toMatchObject({ segment: number, set: image.imageId, server: first.serverId })
        const bytes = Buffer.from(await answer.arrayBuffer())
        expect(createHash('sha256').update(bytes).digest('hex')).toBe(image.segments[number]?.sha256)
      }
    const part = await ask('GET', at(deliveryId, 'segments/0'), phone.token)
    expect(part.headers.get('accept-ranges')).toBe('bytes')

    const all = [[0, image.segments.length]]
    await json(ask('POST', at(deliveryId, 'report'), phone.token, progress(all, 1)))
    const end = await json<DeliveryNews>(ask('POST', at(deliveryId, 'report'), tablet.token, progress(all, 1)))
    expect(end).toMatchObject({ phase: 'complete', revision: 2 })
    expect(readSigned(end.map ?? '')).toMatchObject({ revision: 2, isFinal: true })
  })

  it('[DL-22] does not exist for others, nor do its segments', async () => {
    const [phone, tablet, third] = devices as [Caller, Caller, Caller]
    const { deliveryId } = await create([phone, tablet])
    const refused = async (token: string, method: string, what: string, body?: object) =>
      expect(await (await ask(method, at(deliveryId, what), token, body)).json()).toMatchObject({
        status: 404,
        code: 'delivery.unknown',
      })
    for (const { token } of [third, stranger]) {
      await refused(token, 'POST', 'join', joining(1e6))
      await refused(token, 'POST', 'report', progress([], 0))
      await refused(token, 'GET', 'news')
      await refused(token, 'GET', 'segments/0')
      expect((await json<{ deliveries: unknown[] }>(ask('GET', '/api/v1/deliveries', token))).deliveries).toEqual([])
    }
    // Named, but not joined; and an owner's token of another account helps nobody.
    await refused(phone.token, 'GET', 'segments/0')
    const foreign = await login(await server.createAccount())
    await refused(third.token, 'POST', 'join', joining(1e6, { accountToken: foreign }))
    expect((await ask('PUT', at(deliveryId, 'state'), foreign, { action: 'cancel' })).status).toBe(404)
    expect((await ask('POST', '/api/v1/deliveries', phone.token, orderFor([phone]))).status).toBe(403)
    const strangers = await ask('POST', '/api/v1/deliveries', owner, orderFor([phone, stranger]))
    expect(await strangers.json()).toMatchObject({ code: 'device.unknown' })
    // With the account's password it is let in.
    const ticket = await json<DeliveryTicket>(
      ask('POST', at(deliveryId, 'join'), third.token, joining(1e6, { accountToken: owner })),
    )
    expect(ticket.deliveryId).toBe(deliveryId)
    expect((await ask('GET', at(deliveryId, 'segments/0'), third.token)).status).toBe(200)
  })

  it('[DL-22] a fenced device gets nothing any more, and its peers are not told of it', async () => {
    const [phone, tablet] = devices as [Caller, Caller]
    const lost = await addDevice(owner, 'lost')
    const { deliveryId } = await create([phone, tablet, lost])
    for (const { token } of [phone, tablet, lost]) await json(ask('POST', at(deliveryId, 'join'), token, joining(1e6)))
    const report = () => json<DeliveryNews>(ask('POST', at(deliveryId, 'report'), phone.token, progress([], 0)))
    expect((await report()).peers).toHaveLength(2)
    await ask('PUT', `/api/v1/devices/${encodeURIComponent(lost.deviceId)}/fence`, owner, { reason: 'stolen' })
    const told = await report()
    expect(told.peers.map(({ deviceId }) => deviceId)).toEqual([tablet.deviceId])
    expect(told.devices.find(({ deviceId }) => deviceId === lost.deviceId)?.state).toBe('gone')
    for (const what of ['segments/0', 'news'])
      expect(await (await ask('GET', at(deliveryId, what), lost.token)).json()).toMatchObject({ code: 'device.fenced' })
    // What it was to fetch is fetched by the others.
    const map = readSigned(told.map ?? '') as { assignments: { deviceId: string; segments: [number, number][] }[] }
    expect(map.assignments.some(({ deviceId }) => deviceId === lost.deviceId)).toBe(false)
    const count = map.assignments.reduce((sum, { segments }) => sum + countOf(segments), 0)
    expect(count).toBe(told.devices[0]?.takesSegments)
  })

  it('[DL-19, DL-15] goes on after a server that was killed; paused, resumed and cancelled by its owner', async () => {
    const [phone, tablet] = devices as [Caller, Caller]
    const { deliveryId } = await create([phone, tablet])
    const ticket = await json<DeliveryTicket>(ask('POST', at(deliveryId, 'join'), phone.token, joining(1e6)))
    const other = await json<DeliveryTicket>(ask('POST', at(deliveryId, 'join'), tablet.token, joining(1e6)))
    await json(ask('POST', at(deliveryId, 'report'), phone.token, progress([[0, 3]], 1)))
    server.process.kill('SIGKILL')
    await server.stop()
    server = await start()
    const before = readSigned(other.news.map ?? '') as { assignments: unknown }
    const news = await json<DeliveryNews>(ask('POST', at(deliveryId, 'report'), phone.token, progress([[0, 3]], 0)))
    expect(news).toMatchObject({ phase: 'running', revision: 1 })
    expect(readSigned(news.map ?? '')).toMatchObject({ assignments: before.assignments })
    expect(news.devices.map(({ state }) => state)).toEqual(['present', 'present'])
    const image = readSignedMap(ticket.segmentMap)
    const segment = Buffer.from(await (await ask('GET', at(deliveryId, 'segments/1'), tablet.token)).arrayBuffer())
    expect(createHash('sha256').update(segment).digest('hex')).toBe(image.segments[1]?.sha256)

    const steer = (action: string) => json<DeliverySummary>(ask('PUT', at(deliveryId, 'state'), owner, { action }))
    expect(await steer('pause')).toMatchObject({ phase: 'paused', reason: 'user' })
    expect(await steer('resume')).toMatchObject({ phase: 'running' })
    expect(await steer('cancel')).toMatchObject({ phase: 'cancelled' })
    for (const what of ['join', 'segments/0']) {
      const [method, body] = what === 'join' ? ['POST', joining(1e6)] : ['GET', undefined]
      expect(await (await ask(method as string, at(deliveryId, what), phone.token, body)).json()).toMatchObject({
        code: 'delivery.ended',
      })
    }
  })

  it('[DL-23] a command on the data folder is obeyed by the server that runs on it', async () => {
    const [phone] = devices as [Caller]
    const { deliveryId } = await create([phone])
    await json(ask('POST', at(deliveryId, 'join'), phone.token, joining(1e6)))
    const data = ['--data', join(folder, 'data'), '--json']
    const run = async (...args: string[]) =>
      JSON.parse(
        (await promisify(execFile)(process.execPath, [program, 'delivery', ...args, ...data])).stdout,
      ) as object
    expect(await run('status', deliveryId)).toMatchObject({ deliveries: [{ deliveryId, phase: 'running' }] })
    for (const [action, phase] of [
      ['pause', 'paused'],
      ['resume', 'running'],
      ['cancel', 'cancelled'],
    ] as const) {
      expect(await run(action, deliveryId)).toMatchObject({ phase })
      const until = Date.now() + 10_000
      let told = ''
      while (told !== phase && Date.now() < until) {
        told = (await json<DeliveryNews>(ask('GET', `${at(deliveryId, 'news')}?wait=1`, phone.token))).phase
      }
      expect(told).toBe(phase)
    }
  })

  it('[DL-16, DL-24] asks those who are left, if that was ordered', async () => {
    const [phone, tablet] = devices as [Caller, Caller]
    const preferences = {
      strategy: 'half',
      devices: [phone, tablet].map(({ deviceId }) => ({ deviceId })),
      onLoss: 'ask',
    }
    const { deliveryId } = await create([phone, tablet], { preferences })
    for (const { token } of [phone, tablet]) await json(ask('POST', at(deliveryId, 'join'), token, joining(1e6)))
    expect((await ask('POST', at(deliveryId, 'leave'), tablet.token)).status).toBe(204)
    const asked = await json<DeliveryNews>(ask('POST', at(deliveryId, 'report'), phone.token, progress([], 0)))
    expect(asked.lost).toEqual([tablet.deviceId])
    const answered = await json<DeliveryNews>(
      ask('POST', at(deliveryId, 'report'), phone.token, { ...progress([], 1), takesOver: true }),
    )
    expect(answered.lost).toBeUndefined()
    const map = readSigned(answered.map ?? '') as { assignments: { segments: [number, number][] }[] }
    expect(map.assignments.reduce((sum, { segments }) => sum + countOf(segments), 0)).toBe(
      answered.devices[0]?.takesSegments,
    )
  })
})
