/** A fence: felt at once on every path, with its reason, and no harm to what the device backed up. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { STATUS } from '../../../schemas/syncml/codes.ts'
import { type HostileDevice, type HostileServer, openHostileServer } from '../../hostile/hostileServer.ts'
import { fileOf, HONEST_SQL, honestDelta } from '../../hostile/material.ts'
import { headerStatus, syncAlert } from '../../support/omadsPeer.ts'

let server: HostileServer
let device: HostileDevice
const ask = async (method: string, path: string, token?: string, body?: unknown) => {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>) }
}
const deviceLogin = () =>
  ask('POST', '/accounts/devices/login', undefined, { deviceId: device.deviceId, secret: device.secret })
const ownerToken = async () =>
  String(
    (await ask('POST', '/accounts/login', undefined, { name: device.name, password: device.password })).body
      ?.accessToken,
  )
const fence = (reason: string | null) =>
  server.server.accounts.setDeviceFence(device.accountId, device.deviceId, reason)

beforeAll(async () => {
  server = await openHostileServer()
  device = await server.addDevice()
  expect(await device.sendFile(fileOf(HONEST_SQL))).toMatchObject({ item: 200 })
})
afterAll(() => server.close())

/** What the header of an answer says. */
async function told(sent: Parameters<HostileDevice['post']>[0], to?: string) {
  const { reply } = await device.post(sent, to)
  const status = reply && headerStatus(reply)
  const [item] = status?.items ?? []
  return { status: status?.data, text: item?.data?.kind === 'text' ? item.data.text : '', reply }
}

describe('a fence', () => {
  it('[ID-4] ends sessions, tokens and waiting requests at once, and says why', async () => {
    const token = String((await deviceLogin()).body?.accessToken)
    const refresh = String((await deviceLogin()).body?.refreshToken)
    const opened = await told(device.message([syncAlert(202, '2', { last: '1' })]))
    const session = String(opened.reply?.header.respUri)
    expect(opened.status).toBe(STATUS.authenticationAccepted)
    const waits = ask('GET', '/api/v1/notifications?wait=2', token)
    const before = await server.copyState(device)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await fence('left in a train')

    const next = device.message([], { msgId: '2', sessionId: String(opened.reply?.header.sessionId) })
    const { cred: _, ...header } = next.header
    expect(await told({ ...next, header }, session)).toMatchObject({
      status: 403,
      text: 'device.fenced: this device is fenced: left in a train',
    })
    expect(await device.sendDelta(honestDelta(device))).toMatchObject({ header: 403 })
    expect((await ask('GET', '/api/v1/databases', token)).body).toMatchObject({ status: 403, code: 'device.fenced' })
    expect(await ask('POST', '/api/v1/restores', token, { database: 'app' })).toMatchObject({ status: 403 })
    expect((await deviceLogin()).body).toMatchObject({
      code: 'device.fenced',
      detail: expect.stringContaining('train'),
    })
    expect(await ask('POST', '/accounts/refresh', undefined, { refreshToken: refresh })).toMatchObject({ status: 401 })
    expect(await waits).toMatchObject({ status: 403, body: { code: 'device.fenced' } })
    const again = { name: 'anew', deviceId: device.deviceId }
    expect(await ask('POST', '/accounts/devices', await ownerToken(), again)).toMatchObject({ status: 409 })
    expect(await server.copyState(device)).toBe(before)
  })

  it('[ID-4] the owner restores what the fenced device had, and ends the fence; its own token does not', async () => {
    const owner = await ownerToken()
    const path = `/api/v1/devices/${device.deviceId}/fence`
    const { body: made } = await ask('POST', '/accounts/devices', owner, { name: 'new', deviceId: 'replacement-1' })
    const login = { deviceId: 'replacement-1', secret: made?.secret }
    const token = String((await ask('POST', '/accounts/devices/login', undefined, login)).body?.accessToken)
    const wanted = { database: 'app', fromDeviceId: device.deviceId, accountToken: owner }
    expect(await ask('POST', '/api/v1/restores', token, wanted)).toMatchObject({ status: 201 })
    expect(await ask('PUT', path, token, { reason: null })).toMatchObject({ status: 403 })
    expect((await ask('GET', '/accounts/devices', owner)).body).toMatchObject({
      devices: expect.arrayContaining([
        expect.objectContaining({ fence: { reason: 'left in a train', since: expect.any(Number) } }),
      ]),
    })
    expect(await ask('PUT', path, owner, { reason: null })).toMatchObject({ status: 204 })
    expect(await device.sendDelta(honestDelta(device))).toMatchObject({ item: 200 })
    expect(await ask('PUT', path, owner, { reason: 'two\nlines' })).toMatchObject({ status: 400 })
  })

  it('[ID-4] the operator fences, and a fence outlives the server', async () => {
    const operator = await server.server.createOperatorToken(60)
    const path = `/api/v1/accounts/${device.name}/devices/${device.deviceId}/fence`
    expect(await ask('PUT', path, operator, { reason: 'stolen' })).toMatchObject({ status: 204 })
    expect(await ask('PUT', path.replace(device.deviceId, 'nobody'), operator, { reason: 'x' })).toMatchObject({
      status: 404,
    })
    await server.server.close()
    const second = await openHostileServer({ data: server.data })
    try {
      const login = { deviceId: device.deviceId, secret: device.secret }
      const response = await fetch(`${second.url}/accounts/devices/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(login),
      })
      expect(await response.json()).toMatchObject({ code: 'device.fenced' })
    } finally {
      await second.close()
    }
  })
})
