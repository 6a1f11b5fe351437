/** The HTTP edge: what is refused, how, and what a refusal may say. */

import request from 'supertest'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Edge, openEdge } from './edge.ts'

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

describe('HTTP edge: refusals', () => {
  it('[AC-4] refuses tokens of a disabled device at most 30 s later', async () => {
    await request(edge.app)
      .get('/api/v1/databases')
      .set(...bearer(device))
      .expect(200)
    await edge.local.service.setDeviceDisabled('IMEI:1', true)
    edge.local.time.advance(31_000)
    const { body } = await request(edge.app)
      .get('/api/v1/databases')
      .set(...bearer(device))
      .expect(403)
    expect(body.code).toBe('auth.forbidden')
    await request(edge.app)
      .get('/api/v1/databases')
      .set(...bearer(account))
      .expect(200)
  })

  it('[AC-14] lets the owner set and remove the password of a datastore, and no device', async () => {
    const path = '/api/v1/datastores/contacts/password'
    const put = (token: string, body: object) =>
      request(edge.app)
        .put(path)
        .set(...bearer(token))
        .send(body)
    const list = async () => {
      const { body } = await request(edge.app)
        .get('/api/v1/datastores')
        .set(...bearer(account))
        .expect(200)
      return body
    }
    await put(device, { password: 'second secret' }).expect(403)
    await put(account, { password: 'short' }).expect(400)
    await put(account, { password: 'second secret' }).expect(204)
    expect(await list()).toEqual({ datastores: ['./contacts'] })
    await put(account, { password: null }).expect(204)
    expect(await list()).toEqual({ datastores: [] })
    expect(edge.logged.join('')).not.toContain('second secret')
  })

  it('[AC-15] lets the owner set what the server proves itself with, for own devices only', async () => {
    const put = (token: string, deviceId: string) =>
      request(edge.app)
        .put(`/api/v1/devices/${encodeURIComponent(deviceId)}/server-password`)
        .set(...bearer(token))
        .send({ password: 'what the server knows' })
    await put(device, 'IMEI:1').expect(403)
    const { body } = await put(account, 'IMEI:1').expect(200)
    expect(body).toEqual({ serverId: 'nightferry-test' })
    const otto = await edge.local.service.register('otto', 'long enough')
    await edge.local.service.registerDevice(otto.accountId, 'phone', 'IMEI:7')
    await put(account, 'IMEI:7').expect(404)
    expect(edge.logged.join('')).not.toContain('what the server knows')
  })

  it('[AC-12] lets only an operator token do what operators do', async () => {
    const { app } = edge
    const operator = await edge.local.service.issueOperatorToken()
    for (const path of ['/api/v1/accounts', '/api/v1/devices']) {
      await request(app).get(path).expect(401).expect('www-authenticate', 'Bearer')
      await request(app)
        .get(path)
        .set(...bearer(account))
        .expect(403)
      await request(app)
        .get(path)
        .set(...bearer(operator))
        .expect(200)
    }
    const as = (test: request.Test): request.Test => test.set(...bearer(operator))
    await as(request(app).post('/api/v1/accounts')).send({ name: 'shop', password: 'long enough' }).expect(201)
    await as(request(app).post('/api/v1/accounts/shop/app-passwords')).expect(201)
    await as(request(app).put('/api/v1/accounts/shop/disabled')).send({ disabled: true }).expect(204)
    await as(request(app).put('/api/v1/accounts/nobody/disabled')).send({ disabled: true }).expect(404)
    await as(request(app).put('/api/v1/accounts/anna/devices/IMEI%3A1/disabled')).send({ disabled: true }).expect(204)
    await request(app).post('/accounts/login').send({ name: 'shop', password: 'long enough' }).expect(403)
    await request(app)
      .get('/api/v1/databases')
      .set(...bearer(operator))
      .expect(403)
  })

  it('[AC-5] limits guessing at an account and says when to come again', async () => {
    const guess = () => request(edge.app).post('/accounts/login').send({ name: 'anna', password: 'guess' })
    for (let count = 0; count < 10; count++) await guess().expect(401)
    const limited = await guess().expect(429)
    expect(limited.body).toMatchObject({ code: 'auth.limited', retry: 'later' })
    expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0)
    await request(edge.app).post('/accounts/login').send({ name: 'other', password: 'guess' }).expect(401)
  })

  it('answers bad requests with problem documents that repeat no secret', async () => {
    const { app } = edge
    const post = () => request(app).post('/accounts/login')
    const cases: [request.Test, number, string][] = [
      [post().set('content-type', 'application/json').send('{"name":'), 400, 'protocol.malformed'],
      [post().set('content-type', 'text/plain').send('x'), 415, 'protocol.unsupported-type'],
      [post().send({ name: 'anna', password: 'my-secret', extra: 1 }), 400, 'protocol.malformed'],
      [post().send({ name: 'anna', password: ['my-secret'] }), 400, 'protocol.malformed'],
      [post().send({ name: 'x'.repeat(100_000), password: 'my-secret' }), 413, 'protocol.too-large'],
      [request(app).get('/accounts/login'), 405, 'protocol.method-not-allowed'],
      [request(app).get('/nothing'), 404, 'protocol.unknown-path'],
      [
        request(app)
          .get('/api/v1/databases/%E0%A4%A/app/points')
          .set(...bearer(device)),
        400,
        'protocol.malformed',
      ],
      [request(app).get('/api/v1/databases'), 401, 'auth.missing'],
      [
        request(app)
          .get('/api/v1/databases')
          .set(...bearer('x.y.z')),
        401,
        'auth.invalid',
      ],
    ]
    for (const [test, status, code] of cases) {
      const { body, text } = await test.expect(status).expect('content-type', /^application\/problem\+json/)
      expect(body).toMatchObject({ status, code, type: `urn:nightferry:error:${code}` })
      expect(text).not.toContain('my-secret')
    }
  })

  it('hides what broke inside, and logs it for the operator', async () => {
    const { body, text } = await request(edge.app)
      .post('/api/v1/restores')
      .set(...bearer(device))
      .send({ database: 'breaks' })
      .expect(500)
    expect(body).toEqual({
      type: 'urn:nightferry:error:internal',
      title: 'our mistake',
      status: 500,
      code: 'internal',
      retry: 'operator',
    })
    expect(text).not.toContain('secret path')
    expect(edge.logged.join('')).toContain('secret path')
    expect(edge.logged.join('')).not.toContain(device)
  })

  it('registers nobody when registration is closed', async () => {
    const closed = await openEdge({ registration: 'closed' })
    await request(closed.app).post('/accounts').send({ name: 'otto', password: 'long enough' }).expect(403)
    await closed.close()
  })
})
