/** The server's side of a comparison over HTTP: bounds, whose copy it is, and what is kept of it. */

import { afterEach, expect, it } from 'vitest'
import { openVerifyBench, type VerifyBench } from '../../support/verifyBench.ts'

const SETUP = `CREATE TABLE t(id INTEGER PRIMARY KEY, v);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<300) INSERT INTO t SELECT i, 'row '||i FROM n`

let bench: VerifyBench
afterEach(() => bench.close())

type Json = Record<string, unknown>

async function call(path: string, token: string, body?: unknown): Promise<{ status: number; answer: Json }> {
  const reply = await fetch(`${bench.server().url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await reply.text()
  return { status: reply.status, answer: (text === '' ? {} : JSON.parse(text)) as Json }
}

async function tokenOf(): Promise<string> {
  const { deviceId } = await bench.records.identity()
  const { answer } = await call('/accounts/devices/login', '', { deviceId, secret: await bench.records.secret() })
  return String(answer.accessToken)
}

it('[VF-1, VF-2, VF-3, VF-5, WF-85] digests are bounded, of one token, and of the caller alone', {
  timeout: 60_000,
}, async () => {
  bench = await openVerifyBench(SETUP)
  await bench.backup()
  const device = await tokenOf()
  const { answer: copy } = await call('/api/v1/copies/app', device)
  expect(copy).toMatchObject({ kind: 'sql', header: { encoding: 'UTF-8' } })
  expect(copy.objects).toBeUndefined()
  const ask = (change: object) =>
    call('/api/v1/copies/app/digests', device, {
      ...{ token: copy.token, table: 't', ranges: [{ after: null, upTo: null }], rowsPerBlock: 100, maxRows: 150 },
      ...change,
    })
  const { answer: first } = await ask({})
  const blocks = (first.ranges as { upTo: number[]; rows: number }[][])[0] ?? []
  expect(first.whole).toBe(false)
  expect(blocks.map(({ upTo, rows }) => [upTo[0], rows])).toEqual([
    [100, 100],
    [200, 100],
  ])
  expect(JSON.stringify(blocks).length).toBeLessThan(90 * blocks.length)
  const status = async (change: object) => (await ask(change)).status
  expect(await status({ token: '0'.repeat(32) })).toBe(409)
  expect(await status({ table: '_nightferry_copy_meta' })).toBe(404)
  expect(await status({ table: 'sqlite_schema' })).toBe(404)
  expect(await status({ ranges: [{ after: [1, 2], upTo: null }] })).toBe(400)
  expect(await status({ ranges: [{ after: [{ i: 'x' }], upTo: null }] })).toBe(400)
  expect(await status({ ranges: [] })).toBe(400)
  expect(await status({ ranges: Array(65).fill({ after: null, upTo: null }) })).toBe(400)
  expect(await status({ maxRows: 10_000_000 })).toBe(400)
  // Another device of another account has a copy of no such name.
  const other = await bench.server().createAccount()
  const { answer: login } = await call('/accounts/login', '', { name: other.user, password: other.password })
  expect((await call('/api/v1/copies/app', String(login.accessToken))).status).toBe(403)
  expect((await call('/api/v1/copies/app', '')).status).toBe(401)
  const epoch = await fetch(`${bench.server().url}/api/v1/epoch`)
  expect(epoch.headers.get('x-nightferry-epoch')).toBe(((await epoch.json()) as Json).epoch)
})

it('[VF-6, VF-7] what a device found is shown with its backup, and a copy is proven when it is asked for', {
  timeout: 60_000,
}, async () => {
  bench = await openVerifyBench(SETUP)
  await bench.backup()
  await bench.verify({ full: true })
  const device = await tokenOf()
  const listed = (await call('/api/v1/databases', device)).answer.databases as Json[]
  expect(listed[0]?.verification).toMatchObject({ form: 'full', rows: 300, differences: 0 })
  const operator = bench.operator()
  expect(await operator('verify', 'till', 'app')).toMatchObject({
    exitCode: 0,
    report: { result: 'proven', verification: { form: 'full', differences: 0 } },
  })
  await bench.withCopy((copy) => copy.exec('DELETE FROM t WHERE id=5'))
  await bench.verify()
  expect(await operator('device', 'show', 'till')).toMatchObject({
    report: { databases: [{ verification: { form: 'part', differences: 1, repair: false } }] },
  })
  expect(await operator('verify', 'till', 'nothing')).toMatchObject({ exitCode: 10 })
})
