/** The device's poll and the operator's wish over HTTP. */

import request from 'supertest'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ha1 } from '../../../schemas/syncml/credential.ts'
import { openWakeUp } from '../../../schemas/syncml/wakeUp.ts'
import { sqlKnownLogins } from '../../../server/catalogue/sqlite/knownLogins.ts'
import { type Edge, openEdge } from './edge.ts'

let edge: Edge
let accountId: string
let secret: string
let device: string
let operator: string
beforeEach(async () => {
  edge = await openEdge()
  accountId = (await edge.local.service.register('anna', 'long enough')).accountId
  secret = (await edge.local.service.registerDevice(accountId, 'phone', 'IMEI:1')).secret
  device = (await edge.local.service.loginDevice('IMEI:1', secret)).accessToken
  operator = await edge.local.service.issueOperatorToken()
  await sqlKnownLogins(edge.db).put({
    ...{ accountId, deviceId: 'IMEI:1', userName: 'anna', accountName: 'anna', ha1: ha1('anna', secret) },
    ...{ lastAccessAt: 1, enabled: true, checkedAt: 1 },
  })
})
afterEach(() => edge.close())

const poll = (query: string, token = device) =>
  request(edge.app).get(`/api/v1/notifications${query}`).set('authorization', `Bearer ${token}`)
const wake = (body: unknown, token = operator) =>
  request(edge.app)
    .post('/api/v1/accounts/anna/devices/IMEI:1/wake')
    .set('authorization', `Bearer ${token}`)
    .send(body as object)

it('[PU-2, PU-5] a poll waits for the notification, proves it, and says what it has by the next one', async () => {
  await poll('').expect(204)
  const waiting = poll('?wait=55').then((response) => response)
  // Whether it waits already when the wake-up comes makes no difference.
  const { body: issued } = await wake({ syncs: [{ serverUri: './databases/app', type: 'from-device' }] }).expect(201)
  const { status, body } = await waiting
  expect([status, body.issuedAt]).toEqual([200, issued.issuedAt])
  const opened = openWakeUp(new Uint8Array(Buffer.from(body.notification, 'base64')), ha1('anna', secret))
  expect(opened).toEqual({
    ...{ serverId: 'nightferry-edge', issuedAt: issued.issuedAt, sessionId: issued.sessionId },
    syncs: [{ type: 207, contentType: 0, serverUri: './databases/app' }],
  })
  await poll('').expect(200)
  await poll(`?after=${issued.issuedAt}`).expect(204)
  await poll('').expect(204)
})

it('[PU-5] only a device can wait, within bounds', async () => {
  await poll('', operator).expect(403)
  for (const query of ['?wait=56', '?wait=-1', '?wait=x', '?after=-1', '?after=1e99', '?until=3', '?wait=1&wait=2'])
    await poll(query).expect(400)
})

it('[PU-3] only the operator wakes, and names datastores that fit', async () => {
  await wake({ syncs: [] }, device).expect(403)
  const one = { serverUri: 'card', type: 'two-way' }
  for (const body of [
    {},
    { syncs: [{ ...one, type: '206' }] },
    { syncs: [{ ...one, serverUri: 'ä'.repeat(128) }] },
    { syncs: Array.from({ length: 16 }, () => one) },
  ])
    await wake(body).expect(400)
  await wake({ syncs: Array.from({ length: 15 }, () => ({ ...one, serverUri: 'x'.repeat(255) })) }).expect(201)
  await poll('').expect(200)
  await request(edge.app)
    .post('/api/v1/accounts/anna/devices/IMEI:2/wake')
    .set('authorization', `Bearer ${operator}`)
    .send({ syncs: [] })
    .expect(404)
})
