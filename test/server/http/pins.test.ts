/** Who may pin restore points over HTTP, and who may take pins back. Rule TM-16. */

import request from 'supertest'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { sqlPins } from '../../../server/catalogue/sqlite/pins.ts'
import { type Edge, openEdge } from './edge.ts'

let edge: Edge
let account: string
let device: string
let operator: string

beforeEach(async () => {
  edge = await openEdge()
  const { service } = edge.local
  const { accountId } = await service.register('anna', 'long enough')
  account = (await service.login('anna', 'long enough')).accessToken
  const { secret } = await service.registerDevice(accountId, 'phone', 'IMEI:1')
  device = (await service.loginDevice('IMEI:1', secret)).accessToken
  operator = await service.issueOperatorToken(60)
})
afterEach(() => edge.close())

const owned = (deviceId: string) => `/api/v1/databases/${encodeURIComponent(deviceId)}/app/points/latest/pin`
const operated = '/api/v1/accounts/anna/databases/IMEI%3A1/app/points/latest/pin'
const post = (path: string, token: string) =>
  request(edge.app).post(path).set('authorization', `Bearer ${token}`).send({ reason: 'before the audit' })
const put = (token: string, pinned: boolean) =>
  request(edge.app).put(operated).set('authorization', `Bearer ${token}`).send({ pinned })

it('[TM-16] an account and its device pin; only the operator takes a pin back', async () => {
  const made = await post(owned('IMEI:1'), device).expect(200)
  expect(made.body.pin).toMatchObject({ by: 'owner', reason: 'before the audit' })
  await post(owned('IMEI:1'), account).expect(200)
  await put(device, false).expect(403)
  await put(account, false).expect(403)
  const back = await put(operator, false).expect(200)
  expect(back.body).not.toHaveProperty('pin')
  const again = await put(operator, true).expect(200)
  expect(again.body.pin).toMatchObject({ by: 'operator', reason: '' })
  expect(
    await sqlPins(edge.db).listAccount((await edge.local.service.listAccounts())[0]?.accountId ?? ''),
  ).toHaveLength(1)
})

it('[TM-16] a device pins nothing of another device, and no reason is a text for terminals', async () => {
  await post(owned('IMEI:2'), device).expect(403)
  await request(edge.app)
    .post(owned('IMEI:1'))
    .set('authorization', `Bearer ${device}`)
    .send({ reason: 'a\u001b[2J' })
    .expect(400)
  await request(edge.app)
    .post(owned('IMEI:1'))
    .set('authorization', `Bearer ${device}`)
    .send({ reason: 'x'.repeat(201) })
    .expect(400)
})
