/** The OpenAPI document: well formed, complete, and about calls that answer. */

import request from 'supertest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { calls, publicCalls } from '../../../schemas/http/api.ts'
import { formatPath, type HttpCall } from '../../../schemas/http/call.ts'
import { type Edge, openEdge } from './edge.ts'

type Json = Record<string, unknown>
let edge: Edge
let document: Json & { paths: Record<string, Record<string, Json>> }
beforeAll(async () => {
  edge = await openEdge()
  document = (await request(edge.app).get('/api/v1/openapi.json').expect(200)).body
})
afterAll(() => edge.close())

function visit(value: unknown, see: (object: Json) => void): void {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) see(value as Json)
  for (const inner of Object.values(value)) visit(inner, see)
}

describe('OpenAPI document', () => {
  it('has the structure of OpenAPI 3.1 and no reference that leads nowhere', () => {
    expect(document.openapi).toMatch(/^3\.1\./)
    expect(document.info).toMatchObject({ title: 'Nightferry', version: expect.any(String) })
    const references: string[] = []
    visit(document, (object) => {
      if (typeof object.$ref === 'string') references.push(object.$ref)
    })
    expect(references.length).toBeGreaterThan(10)
    for (const reference of references) {
      expect(reference).toMatch(/^#\//)
      const target = reference
        .slice(2)
        .split('/')
        .reduce<unknown>((at, part) => (at as Json | undefined)?.[part], document)
      expect(target, reference).toBeTypeOf('object')
    }
  })

  it('lists every public call once, with its parameters, and no internal one', () => {
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    )
    expect(operations.map(({ operation }) => operation.operationId).sort()).toEqual(Object.keys(publicCalls).sort())
    expect(Object.keys(document.paths).filter((path) => path.includes('internal'))).toEqual([])
    for (const { path, operation } of operations) {
      expect(operation.responses, path).toHaveProperty('default')
      const declared = ((operation.parameters ?? []) as Json[]).filter((parameter) => parameter.in === 'path')
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      expect(declared.map((parameter) => parameter.name).sort()).toEqual(named.sort())
    }
  })

  it('is about routes that answer: each refuses a caller without credentials, or a body that is none', async () => {
    const filled = {
      name: 'x',
      database: 'd',
      datastore: 's',
      deviceId: 'y',
      restoreId: 'r',
      segment: 0,
      point: 'p',
      deliveryId: 'd',
    }
    for (const [name, call] of Object.entries<HttpCall>(calls)) {
      const response = await request(edge.app)
        [call.method](formatPath(call, filled))
        .set('content-type', 'application/json')
        .send()
      const expected = call.access !== 'anyone' ? 401 : call.body === undefined ? 200 : 400
      expect(response.status, name).toBe(expected)
    }
  })

  it('describes the answers as they are', async () => {
    const operator = await edge.local.service.issueOperatorToken()
    const send = async (
      name: keyof typeof calls,
      token: string,
      body?: object,
      params: Record<string, string> = {},
    ) => {
      const call: HttpCall = calls[name]
      const response = await request(edge.app)
        [call.method](formatPath(call, params))
        .set('authorization', `Bearer ${token}`)
        .send(body)
      expect(response.status, name).toBe(call.status)
      expect(call.reply?.safeParse(response.body).error, name).toBeUndefined()
      return response.body as Record<string, string>
    }
    await send('register', '', { name: 'anna', password: 'long enough' })
    const { accessToken: account = '' } = await send('login', '', { name: 'anna', password: 'long enough' })
    const { secret } = await send('registerDevice', account, { name: 'phone', deviceId: 'IMEI:1' })
    const { accessToken: device = '' } = await send('loginDevice', '', { deviceId: 'IMEI:1', secret })
    await send('listOwnDevices', device)
    await send('createOwnAppPassword', account)
    await send('jwks', '')
    await send('listDatabases', device)
    await send('listPoints', device, undefined, { deviceId: 'IMEI:1', name: 'app' })
    await send('createRestore', device, { database: 'app' })
    await send('completeRestore', device, undefined, { restoreId: 'r1' })
    await send('listAccounts', operator)
    await send('listDevices', operator)
    await send('addAppPassword', operator, undefined, { name: 'anna' })
    await send('prune', operator, { dryRun: true })
    await send('listAccountDatabases', operator, undefined, { name: 'anna' })
    await send('listAccountPoints', operator, undefined, { name: 'anna', deviceId: 'IMEI:1', database: 'app' })
  })
})
