/** A few hundred damaged inputs of each kind against the real server; thousands with `NIGHTFERRY_FUZZ_RUNS`. */

import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { fuzzDeltas, fuzzFiles, fuzzGzip, fuzzMessages } from './fuzz.ts'
import { type HostileDevice, type HostileServer, openHostileServer } from './hostileServer.ts'
import { fileOf, HONEST_SQL, honestDelta } from './material.ts'

const runs = Number(process.env.NIGHTFERRY_FUZZ_RUNS ?? 300)
const timeoutMs = 20_000 + runs * 100

let server: HostileServer
let device: HostileDevice
/** Lines of level `error`: an operator must act, so an attacker must not be able to cause one. */
const mistakes: string[] = []

beforeAll(async () => {
  server = await openHostileServer({ logLevel: 'error' }, (line) => mistakes.push(line))
})
beforeEach(async () => {
  device = await server.addDevice()
  expect(await device.sendFile(fileOf(HONEST_SQL))).toMatchObject({ item: 200 })
})
afterAll(() => server.close())

it.each([
  ['Deltas', fuzzDeltas],
  ['gzip', fuzzGzip],
  ['files', fuzzFiles],
  ['messages', fuzzMessages],
])(
  '[BK-8] damaged %s are answered, never with a crash, a hang or our own mistake',
  async (_, fuzz) => {
    await fuzz({ server, device, mistakes }, runs)
    expect(await server.ready()).toBe(true)
    const next = await server.addDevice()
    expect(await next.sendFile(fileOf(HONEST_SQL))).toMatchObject({ item: 200 })
    expect(await next.sendDelta(honestDelta(next))).toMatchObject({ item: 200 })
  },
  timeoutMs,
)
