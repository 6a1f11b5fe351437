/**
 * A stolen device: whoever has it knows its id, its secret and its tokens, and nothing else. Every call is tried with
 * them against another device of the same account and one of another account, and nothing of theirs is reached, nothing
 * of its own history lost.
 */

import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CallName, calls } from '../../schemas/http/api.ts'
import { statuses, syncAlert, syncOf } from '../support/omadsPeer.ts'
import { reach } from './callReach.ts'
import {
  DELTA_TYPE,
  FILE_GZIP_TYPE,
  type HostileDevice,
  type HostileServer,
  hostileDevice,
  openHostileServer,
} from './hostileServer.ts'
import { deltaOf, fileOf, HONEST_SQL, headOf, honestDelta } from './material.ts'

let server: HostileServer
/** Of one account; the first was stolen. */
let stolen: HostileDevice
let sibling: HostileDevice
let stranger: HostileDevice
let token: string
let pointsBefore: readonly Point[]
let othersBefore: readonly string[]
let restoreIds: readonly string[]

interface Point {
  readonly point: string
  readonly takenAt: number
  /** Of the file it restores to. */
  readonly sha256: string
}

async function ask(method: string, path: string, bearer: string | undefined, body?: unknown): Promise<Response> {
  return fetch(`${server.url}${path}`, {
    method,
    headers: {
      ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
}

async function json<T>(response: Promise<Response>): Promise<T> {
  return (await (await response).json()) as T
}

async function tokenOf({ deviceId, secret }: HostileDevice): Promise<string> {
  const pair = json<{ accessToken: string }>(ask('POST', '/accounts/devices/login', undefined, { deviceId, secret }))
  return (await pair).accessToken
}

async function ticketOf(bearer: string, body: object): Promise<{ restoreId: string; sha256: string }> {
  const ticket = await json<{ restoreId: string; segmentMap: string }>(ask('POST', '/api/v1/restores', bearer, body))
  const map = JSON.parse(Buffer.from(ticket.segmentMap.split('.')[1] ?? '', 'base64url').toString()) as {
    sha256: string
  }
  return { restoreId: ticket.restoreId, sha256: map.sha256 }
}

/** What each point of a device restores to. */
async function pointsOf(device: HostileDevice): Promise<readonly Point[]> {
  const bearer = await tokenOf(device)
  const path = `/api/v1/databases/${encodeURIComponent(device.deviceId)}/app/points`
  const { points } = await json<{ points: readonly Point[] }>(ask('GET', path, bearer))
  const found: Point[] = []
  for (const { point, takenAt } of points)
    found.push({ point, takenAt, sha256: (await ticketOf(bearer, { database: 'app', point })).sha256 })
  return found
}

async function othersNow(): Promise<readonly string[]> {
  const states = [await server.copyState(sibling), await server.copyState(stranger)]
  return [...states, JSON.stringify(await pointsOf(sibling)), JSON.stringify(await pointsOf(stranger))]
}

beforeAll(async () => {
  server = await openHostileServer()
  const account = await server.addAccount()
  stolen = await server.addDevice(account)
  const siblingId = `sibling-${Math.random()}`
  const registered = await server.server.accounts.registerDevice(account.accountId, 'another device', siblingId)
  sibling = hostileDevice(server.url, { ...account, deviceId: siblingId, secret: registered.secret })
  stranger = await server.addDevice()
  for (const device of [stolen, sibling, stranger]) {
    expect(await device.sendFile(fileOf(HONEST_SQL))).toMatchObject({ item: 200 })
    expect(await device.sendDelta(honestDelta(device))).toMatchObject({ item: 200 })
  }
  token = await tokenOf(stolen)
  const others = [await tokenOf(sibling), await tokenOf(stranger)]
  restoreIds = await Promise.all(others.map(async (one) => (await ticketOf(one, { database: 'app' })).restoreId))
  pointsBefore = await pointsOf(stolen)
  othersBefore = await othersNow()
})
afterAll(() => server.close())

/** What must never be in an answer. */
function foreign(): readonly string[] {
  const { lineage, secret } = sibling
  return [lineage, secret, ...restoreIds, stranger.accountId, stranger.deviceId, stranger.name, stranger.lineage]
}

function bodiesFor(target: HostileDevice): readonly object[] {
  return [
    { database: 'app', fromDeviceId: target.deviceId },
    { database: 'app', fromDeviceId: target.deviceId, accountToken: token },
    { name: 'a new device', deviceId: target.deviceId },
    { name: 'a new device', deviceId: stolen.deviceId },
    { deviceId: target.deviceId, secret: stolen.secret },
    { name: target.name, password: stolen.secret },
    { accountId: target.accountId, name: target.name, deviceId: target.deviceId, disabled: true },
    { accountId: target.accountId, deviceId: target.deviceId },
    { accountName: target.name },
    { disabled: true },
    { disabled: false },
    { allowed: true },
    { password: 'a password of the thief' },
    { password: null },
    { dryRun: false },
    { hours: 1 },
    { syncs: [] },
    { refreshToken: token },
    {},
  ]
}

describe('the token of a stolen device', () => {
  it('[ID-2] every call says what it opens', () => {
    expect(Object.keys(reach).sort()).toEqual(Object.keys(calls).sort())
  })

  it.each(Object.keys(calls) as CallName[])(
    '[ID-1, ID-2] %s',
    async (name) => {
      const call: { method: string; path: string; body?: unknown } = calls[name]
      for (const [index, target] of [sibling, stranger].entries()) {
        const path = call.path
          .replace('{deviceId}', encodeURIComponent(target.deviceId))
          .replace(/(accounts\/)\{name\}/, `$1${target.name}`)
          .replace('{name}', 'app')
          .replace('{database}', 'app')
          .replace('{datastore}', 'contacts')
          .replace('{restoreId}', restoreIds[index] ?? '')
          .replace('{segment}', '0')
          .replaceAll(/\{\w+\}/g, 'x1')
        for (const body of call.body === undefined ? [undefined] : bodiesFor(target)) {
          const response = await ask(call.method, path, token, body)
          if (['owner', 'operator', 'service'].includes(reach[name])) expect([401, 403]).toContain(response.status)
          const text = await response.text()
          // What it said itself may come back.
          const own = reach[name] === 'anyone' ? text.replaceAll(target.deviceId, '').replaceAll(target.name, '') : text
          for (const secret of response.ok ? foreign() : []) expect(own).not.toContain(secret)
          if (reach[name] === 'own' && response.ok) expect(text).not.toContain(sibling.deviceId)
        }
      }
      // A restore of each point costs more than all else here; the end of the test looks once more.
      if (call.method === 'get') return
      expect(await othersNow()).toEqual(othersBefore)
      expect(await pointsOf(stolen)).toEqual(pointsBefore)
    },
    60_000,
  )

  it('[ID-1, ID-2] nothing was reached or lost by reading either', async () => {
    expect(await othersNow()).toEqual(othersBefore)
    expect(await pointsOf(stolen)).toEqual(pointsBefore)
  }, 60_000)

  it("[ID-1] another device's copy needs the account's password, whether there is such a copy or not", async () => {
    for (const fromDeviceId of [sibling.deviceId, 'not-there']) {
      const refused = await ask('POST', '/api/v1/restores', token, { database: 'app', fromDeviceId })
      expect(await refused.json()).toMatchObject({ status: 403, code: 'auth.forbidden' })
    }
    const { name, password } = sibling
    const owner = await json<{ accessToken: string }>(ask('POST', '/accounts/login', undefined, { name, password }))
    const wanted = { database: 'app', fromDeviceId: sibling.deviceId, accountToken: owner.accessToken }
    expect((await ask('POST', '/api/v1/restores', token, wanted)).status).toBe(201)
    const login = { name: stranger.name, password: stranger.password }
    const other = await json<{ accessToken: string }>(ask('POST', '/accounts/login', undefined, login))
    const foreignOwner = { ...wanted, accountToken: other.accessToken }
    expect((await ask('POST', '/api/v1/restores', token, foreignOwner)).status).toBe(403)
    expect((await ask('POST', '/api/v1/restores', await tokenOf(stranger), wanted)).status).toBe(403)
  })

  it('[ID-1] lists show a device its own databases, and the owner all', async () => {
    const listed = async (bearer: string) =>
      (await json<{ databases: { deviceId: string }[] }>(ask('GET', '/api/v1/databases', bearer))).databases.map(
        ({ deviceId }) => deviceId,
      )
    expect(await listed(token)).toEqual([stolen.deviceId])
    const { name, password } = stolen
    const owner = await json<{ accessToken: string }>(ask('POST', '/accounts/login', undefined, { name, password }))
    expect((await listed(owner.accessToken)).sort()).toEqual([stolen.deviceId, sibling.deviceId].sort())
  })
})

describe('sessions of a stolen device', () => {
  it('[ID-1, OM-14] reach no other device by its id, its datastores or its session', async () => {
    for (const target of [sibling, stranger]) {
      const { cred } = stolen.header()
      const source = { locUri: target.deviceId, locName: target.name }
      const { reply } = await stolen.post(
        stolen.message([syncAlert(203, '9', { target: './databases/app', last: '0' })], {
          source,
          ...(cred && { cred }),
        }),
      )
      expect(reply && statuses(reply).map(({ data }) => data)).toEqual(expect.arrayContaining([401]))
    }
    // A database that only the other device has.
    expect(await sibling.sendFile(fileOf(HONEST_SQL), 'hers')).toMatchObject({ item: 200 })
    const alert = syncAlert(205, '9', { target: './databases/hers', last: '0' })
    const { reply } = await stolen.post(stolen.message([alert, syncOf([], './databases/hers')]))
    expect(reply && statuses(reply).find(({ cmd }) => cmd === 'Alert')?.data).toBe(404)
    expect(await othersNow()).toEqual(othersBefore)
  })

  it('[ID-2, ID-3] leave every point of their own history as it was, whatever they send', async () => {
    const life = { lineage: stolen.lineage, tokens: stolen.tokens }
    const empty = gzipSync(fileOf('CREATE TABLE t(id INTEGER PRIMARY KEY, x)'))
    const at = (lineage: string, number: number, token = '') => ({ lineage, positions: [{ number, token }] })
    const [, first, second] = life.tokens
    // What the copy stands at, once more with other rows: nothing changes. Under the name of an older state: refused.
    const repeated = await stolen.send(203, FILE_GZIP_TYPE, empty, at(life.lineage, 2, second))
    expect(repeated).toMatchObject({ item: 200 })
    for (const lineage of [life.lineage, 'f'.repeat(32)])
      expect(await stolen.send(203, FILE_GZIP_TYPE, empty, at(lineage, 1, first))).toMatchObject({ item: 508 })
    expect(await pointsOf(stolen)).toEqual(pointsBefore)
    // A life of its own, and in it a Delta that ends at a state of the one that was put aside.
    expect(await stolen.send(203, FILE_GZIP_TYPE, empty, at('e'.repeat(32), 1, 'd'.repeat(32)))).toMatchObject({
      item: 200,
    })
    for (const [index, token] of life.tokens.slice(1, 3).entries()) {
      const chain = {
        lineage: 'e'.repeat(32),
        positions: [...at('', 1, 'd'.repeat(32)).positions, { number: 2, token }],
      }
      const delta = gzipSync(deltaOf({ ...headOf(stolen), ...chain }, undefined))
      expect(await stolen.send(202, DELTA_TYPE, delta, chain), `${index}`).toMatchObject({ item: 500 })
    }
    for (let round = 0; round < 3; round++) {
      expect(await stolen.sendFile(fileOf('CREATE TABLE t(id INTEGER PRIMARY KEY, x)'))).toMatchObject({ item: 200 })
      expect(await stolen.sendDelta(honestDelta(stolen))).toMatchObject({ item: 200 })
    }
    const old = await ticketOf(token, { database: 'app', point: first })
    expect((await ask('POST', `/api/v1/restores/${old.restoreId}/complete`, token)).status).toBe(200)
    const after = await pointsOf(stolen)
    for (const { point, takenAt, sha256 } of pointsBefore) {
      const name = point === 'latest' ? second : point
      expect(after).toContainEqual({ point: name, takenAt, sha256 })
    }
    expect(await othersNow()).toEqual(othersBefore)
  })
})
