/** The HTTP edge: who gets in, ranges, SyncML, CORS, health. */

import request from 'supertest'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Edge, openEdge, SEGMENT } from './edge.ts'

let edge: Edge
let account: string
let device: string
beforeEach(async () => {
  edge = await openEdge({ corsOrigins: ['https://app.example'] })
  const { accountId } = await edge.local.service.register('anna', 'long enough')
  account = (await edge.local.service.login('anna', 'long enough')).accessToken
  const { secret } = await edge.local.service.registerDevice(accountId, 'phone', 'IMEI:1')
  device = (await edge.local.service.loginDevice('IMEI:1', secret)).accessToken
})
afterEach(() => edge.close())

const bearer = (token: string): [string, string] => ['authorization', `Bearer ${token}`]

describe('HTTP edge: from registration to restore', () => {
  it('registers, logs in, registers a device and logs it in', async () => {
    const { app } = edge
    const registered = await request(app).post('/accounts').send({ name: 'otto', password: 'long enough' }).expect(201)
    expect(registered.body).toMatchObject({ name: 'otto', disabled: false })
    const login = await request(app).post('/accounts/login').send({ name: 'otto', password: 'long enough' }).expect(200)
    const made = await request(app)
      .post('/accounts/devices')
      .set(...bearer(login.body.accessToken))
      .send({ name: 'till', deviceId: 'urn:x/1%2' })
      .expect(201)
    const pair = await request(app)
      .post('/accounts/devices/login')
      .send({ deviceId: made.body.device.deviceId, secret: made.body.secret })
      .expect(200)
    await request(app)
      .get('/accounts/devices')
      .set(...bearer(pair.body.accessToken))
      .expect(200, { devices: [made.body.device] })
    await request(app)
      .post('/accounts/app-passwords')
      .set(...bearer(login.body.accessToken))
      .expect(201)
    await request(app).post('/accounts/refresh').send({ refreshToken: login.body.refreshToken }).expect(200)
    await request(app).post('/accounts/refresh').send({ refreshToken: login.body.refreshToken }).expect(401)
  })

  it('[RS-8] gives restores to the device alone', async () => {
    const { app } = edge
    await request(app)
      .post('/api/v1/restores')
      .set(...bearer(account))
      .send({ database: 'app' })
      .expect(403)
    await request(app)
      .post('/api/v1/restores')
      .set(...bearer(device))
      .send({ database: 'app' })
      .expect(201)
    await request(app)
      .post('/api/v1/restores/r1/complete')
      .set(...bearer(device))
      .expect(200)
    const { accountId } = await edge.local.service.verifyToken(account)
    const other = await edge.local.service.registerDevice(accountId, 'other', 'IMEI:2')
    const pair = await edge.local.service.loginDevice('IMEI:2', other.secret)
    const refused = await request(app)
      .get('/api/v1/restores/r1/segments/0')
      .set(...bearer(pair.accessToken))
      .expect(404)
    expect(refused.body).toMatchObject({ code: 'restore.unknown', retry: 'fetch-map' })
  })

  it('sends segments whole, in ranges, and says when a range is outside', async () => {
    const get = () =>
      request(edge.app)
        .get('/api/v1/restores/r1/segments/0')
        .set(...bearer(device))
        .buffer(true)
    const whole = await get()
      .expect(200)
      .expect('content-type', 'application/octet-stream')
      .expect('accept-ranges', 'bytes')
    expect(Buffer.from(whole.body).equals(SEGMENT)).toBe(true)
    const part = await get().set('range', 'bytes=990-').expect(206).expect('content-range', 'bytes 990-999/1000')
    expect(Buffer.from(part.body).equals(SEGMENT.subarray(990))).toBe(true)
    await get().set('range', 'bytes=5-9').expect(206).expect('content-length', '5')
    await get().set('range', 'bytes=1000-').expect(416).expect('content-range', 'bytes */1000')
    await get().set('range', 'lines=1-2').expect(200)
    await request(edge.app)
      .get('/api/v1/restores/r1/segments/-1')
      .set(...bearer(device))
      .expect(400)
  })

  it('lists databases of the own account only, with the names of their devices', async () => {
    const { accountId } = await edge.local.service.verifyToken(device)
    const row = {
      deviceId: 'IMEI:1',
      name: 'app',
      copyId: 'c1',
      kind: 'sql',
      wrappedKey: 'w',
      lineage: 'a'.repeat(32),
      number: 4,
      token: 'b'.repeat(32),
      sizeBytes: 4096,
      lastBackupAt: 5,
      lastMode: 'delta',
      reason: null,
      createdAt: 1,
      keyedWith: '',
    } as const
    await edge.db
      .insertInto('database')
      .values([
        { ...row, accountId },
        { ...row, accountId: 'a_other', copyId: 'c2' },
      ])
      .execute()
    const { body } = await request(edge.app)
      .get('/api/v1/databases')
      .set(...bearer(device))
      .expect(200)
    expect(body).toEqual({
      databases: [
        {
          deviceId: 'IMEI:1',
          deviceName: 'phone',
          name: 'app',
          kind: 'sql',
          number: 4,
          lineage: 'a'.repeat(32),
          sizeBytes: 4096,
          lastBackupAt: 5,
          lastMode: 'delta',
          health: { state: 'late', reason: expect.stringMatching(/hours old$/) },
        },
      ],
    })
    expect(JSON.stringify(body)).not.toContain('wrappedKey')
  })
})

describe('HTTP edge: SyncML, CORS, health', () => {
  it('[OM-1] hands a SyncML message over as it came, and gives the answer back', async () => {
    const bytes = Buffer.from([0x03, 0x01, 0x6a, 0x00, 0xff])
    const post = () =>
      request(edge.app).post('/omads?s=token').set('content-type', 'Application/vnd.syncml+wbxml; charset=utf-8')
    const { body } = await post()
      .send(bytes)
      .responseType('blob')
      .expect(200)
      .expect('content-type', 'application/vnd.syncml+wbxml')
    expect([...Buffer.from(body)]).toEqual([1, 2, 3])
    expect(edge.omads.last).toMatchObject({
      url: '/omads?s=token',
      remoteAddress: expect.stringContaining('127.0.0.1'),
    })
    expect(Buffer.from(edge.omads.last?.bytes ?? []).equals(bytes)).toBe(true)
    delete edge.omads.last
    await post()
      .send(Buffer.alloc(4 * 1024 * 1024 + 1))
      .expect(413)
    await request(edge.app).post('/omads').set('content-type', 'text/xml').send('<SyncML/>').expect(415)
    await request(edge.app).get('/omads').expect(405).expect('allow', 'POST')
    expect(edge.omads.last).toBeUndefined()
  })

  it('allows the configured origin and no other', async () => {
    const preflight = (origin: string) =>
      request(edge.app).options('/omads').set('origin', origin).set('access-control-request-method', 'POST')
    const allowed = await preflight('https://app.example').expect(204)
    expect(allowed.headers['access-control-allow-origin']).toBe('https://app.example')
    // What the device client sends beyond the headers that any page may send.
    for (const name of ['Authorization', 'Cache-Control', 'Content-Type', 'User-Agent'])
      expect(allowed.headers['access-control-allow-headers']).toContain(name)
    expect(allowed.headers['access-control-allow-credentials']).toBeUndefined()
    const foreign = await preflight('https://evil.example')
    expect(foreign.headers['access-control-allow-origin']).toBeUndefined()
    const call = await request(edge.app)
      .get('/api/v1/databases')
      .set('origin', 'https://app.example')
      .set(...bearer(device))
      .expect(200)
    expect(call.headers).toMatchObject({ 'access-control-allow-origin': 'https://app.example', vary: 'Origin' })
  })

  it('sends its headers with every answer', async () => {
    for (const path of ['/livez', '/nothing', '/accounts/jwks.json']) {
      const { headers } = await request(edge.app).get(path)
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
      })
      expect(headers['x-powered-by']).toBeUndefined()
    }
  })

  it('is live, is ready only while its parts are, and counts calls without ids', async () => {
    await request(edge.app).get('/livez').expect(200, { status: 'live' })
    await request(edge.app).get('/readyz').expect(200, { status: 'ready' })
    await request(edge.app)
      .get('/api/v1/restores/r1/segments/0')
      .set(...bearer(device))
      .expect(200)
    const { text } = await request(edge.app).get('/metrics').expect(200)
    expect(text).toContain('nightferry_http_seconds_count{call="readSegment",status="2xx"} 1')
    expect(text).not.toContain('IMEI')
    await edge.db.destroy()
    await request(edge.app)
      .get('/readyz')
      .expect(503, { status: 'not ready', failed: ['catalogue'] })
  })
})
