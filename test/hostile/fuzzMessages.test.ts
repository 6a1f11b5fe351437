/**
 * Mutated SyncML messages against the server as its operator starts it: a few thousand here, as many as `NIGHTFERRY_FUZZ`
 * says elsewhere. Every answer is a well-formed message or HTTP 400 or 413; none takes a second, nothing is logged as a
 * mistake, memory does not grow.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newDevice } from '../../bench/attackServer.ts'
import { Draws } from '../../bench/workload/random.ts'
import { contentTypeOf, decodeMessage, encodeMessage } from '../../schemas/syncml/codec.ts'
import type { Command, Encoding, Message } from '../../schemas/syncml/message.ts'
import { formatPositionEmi } from '../../schemas/syncml/position.ts'
import { addOf, headerStatus, syncAlert, syncOf } from '../support/omadsPeer.ts'
import { sharedDir } from '../support/sharedDir.ts'
import { startServer, type TestServer } from '../support/startServer.ts'
import type { HostileDevice } from './hostileServer.ts'
import { fileOf, HONEST_SQL, honestDelta } from './material.ts'
import { mutateMessage } from './mutateMessage.ts'

const runs = Number(process.env.NIGHTFERRY_FUZZ ?? 2000)
const seed = process.env.NIGHTFERRY_FUZZ_SEED ?? '1'
const LANES = 4
const SLOW_MS = 1000
/** What caches, heaps and the catalogue's pages may take on the way; a leak of 1 KB a message is 200 MB in 200,000. */
const GROWTH_BYTES = 96 * 1024 * 1024

let server: TestServer

beforeAll(async () => {
  // Each message comes from an address of its own, or guesses would soon be refused unread.
  server = await startServer({ args: ['--log-level', 'error', '--trust-proxy', '1'] })
})
afterAll(() => server.stop())

const encodings = ['xml', 'wbxml'] as const

/** Octets of messages from elsewhere, where they are at hand. */
function captures(encoding: Encoding): Buffer[] {
  if (sharedDir === undefined) return []
  const folder = join(sharedDir, 'captures')
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(`.${encoding}`))
    .map((name) => readFileSync(join(folder, name)))
    .filter((bytes) => bytes.length < 20_000)
}

const map: Command = {
  name: 'Map',
  cmdId: '',
  target: { locUri: './databases/app' },
  source: { locUri: './local' },
  mapItems: [{ target: { locUri: 'content' }, source: { locUri: '1' } }],
}
const get: Command = { name: 'Get', cmdId: '', items: [{ target: { locUri: './devinf12' } }] }
const remove: Command = { name: 'Delete', cmdId: '', items: [{ source: { locUri: '1' } }] }
const exec: Command = { name: 'Exec', cmdId: '', items: [{ target: { locUri: './x' } }] }
const chunk = (): Command => addOf('big', new Uint8Array(300), { size: 900, moreData: true })

/** First messages of a device, and those that follow in a session. */
function messagesOf(device: HostileDevice) {
  const emi = formatPositionEmi(device.chain(1))
  const target = './databases/app'
  const first = [
    [syncAlert(203, '1', { target, emi })],
    [syncAlert(202, '2', { target, last: '1', emi }), syncOf([remove], target)],
    [syncAlert(200, '1', { target }), get],
    [syncAlert(203, '1', { target: './databases/other' }), get],
    [syncAlert(204, '1', { target })],
    [get, exec, { name: 'Atomic', cmdId: '', commands: [remove, get] } as Command],
  ]
  const later = [[syncOf([chunk()], target)], [syncOf([remove, chunk()], target), map], [map], [syncAlert(222, '')], []]
  return { first: (draws: Draws) => device.message(draws.pick(first)), later: (draws: Draws) => draws.pick(later) }
}

interface Answer {
  readonly status: number
  readonly bytes: Buffer
}

async function post(draws: Draws, to: string, bytes: Uint8Array, encoding: Encoding): Promise<Answer> {
  const address = Array.from({ length: 4 }, () => 1 + draws.below(250)).join('.')
  const response = await fetch(to, {
    method: 'POST',
    headers: { 'content-type': contentTypeOf(encoding), 'x-forwarded-for': address },
    body: Buffer.from(bytes),
  })
  return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) }
}

/** Sends a damaged message and judges the answer; slowness may be the machine's: only one that stays is the message's. */
async function strike(draws: Draws, to: string, bytes: Buffer, encoding: Encoding): Promise<Message | undefined> {
  const told = () => `seed ${seed}, ${encoding} to ${to}: ${bytes.toString('base64')}`
  const timed = async () => {
    const startedAt = performance.now()
    const answer = await post(draws, to, bytes, encoding)
    return { answer, tookMs: performance.now() - startedAt }
  }
  const { answer, tookMs } = await timed()
  let leastMs = tookMs
  for (let again = 0; leastMs > SLOW_MS && again < 5; again++) leastMs = Math.min(leastMs, (await timed()).tookMs)
  if (leastMs > SLOW_MS) throw new Error(`slow: ${told()}`)
  if (answer.status === 400 || answer.status === 413) return undefined
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}, ${told()}`)
  const reply = decodeMessage(answer.bytes, encoding)
  const known = new Set(['1.0', '1.1', '1.2'])
  if (!known.has(reply.header.verDtd)) throw new Error(`an answer in version ${reply.header.verDtd}: ${told()}`)
  return reply
}

type Seeds = Readonly<Record<Encoding, readonly Buffer[]>>

/** One lane: a device, whose sessions go on until damage ends them. How many messages got through to the commands. */
async function fuzz(device: HostileDevice, draws: Draws, rounds: number, seeds: Seeds): Promise<number> {
  const messages = messagesOf(device)
  let accepted = 0
  let session: { to: string; encoding: Encoding; sessionId: string; msgId: number } | undefined
  for (let round = 0; round < rounds; round++) {
    const encoding = session?.encoding ?? draws.pick(encodings)
    const foreign = draws.pick([...seeds[encoding], Buffer.from(encodeMessage(messages.first(draws), encoding))])
    if (session === undefined && draws.chance(0.2)) {
      // A session that begins well.
      const { reply, sent } = await begin(draws, messages.first(draws), encoding)
      const to = reply?.header.respUri
      if (to !== undefined) session = { to, encoding, sessionId: sent.header.sessionId, msgId: 1 }
      continue
    }
    const body =
      session === undefined
        ? messages.first(draws)
        : device.message(
            messages.later(draws),
            { sessionId: session.sessionId, msgId: String(session.msgId + 1) },
            false,
          )
    const whole = Buffer.from(encodeMessage(body, encoding))
    const bytes = mutateMessage(draws, draws.chance(0.2) ? foreign : whole, foreign)
    const reply = await strike(draws, session?.to ?? `${server.url}/omads`, bytes, encoding)
    const status = reply && headerStatus(reply)?.data
    if (status === 200 || status === 212) accepted += 1
    if (session && (status === 200 || status === 212) && !reply?.final) session.msgId += 1
    else session = undefined
  }
  return accepted
}

async function begin(draws: Draws, sent: Message, encoding: Encoding) {
  const { status, bytes } = await post(draws, `${server.url}/omads`, encodeMessage(sent, encoding), encoding)
  return { sent, reply: status === 200 ? decodeMessage(bytes, encoding) : undefined }
}

async function residentBytes(): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1])
}

it(
  `[BK-8] [WF-3] ${runs} mutated messages: always an answer, never a crash, a hang or our own mistake`,
  async () => {
    const seeds = { xml: captures('xml'), wbxml: captures('wbxml') }
    const lanes = await Promise.all(
      Array.from({ length: LANES }, async (_, lane) => {
        const device = await newDevice(server.url)
        expect(await device.sendFile(fileOf(HONEST_SQL))).toMatchObject({ item: 200 })
        return { device, draws: new Draws(`${seed}:${lane}`) }
      }),
    )
    const part = async (share: number): Promise<number> => {
      const rounds = Math.ceil((runs * share) / LANES)
      const counts = await Promise.all(lanes.map(({ device, draws }) => fuzz(device, draws, rounds, seeds)))
      return counts.reduce((sum, count) => sum + count)
    }
    // The first part fills caches and heaps.
    let accepted = await part(0.3)
    const before = await residentBytes()
    accepted += await part(0.7)
    expect((await residentBytes()) - before, `seed ${seed}`).toBeLessThan(GROWTH_BYTES)
    // Damage that nothing survives would test the door alone.
    expect(accepted).toBeGreaterThan(runs / 50)
    // The notice about the master key is no line of the log.
    expect(server.log().match(/^\{.*$/m)?.[0], `seed ${seed}`).toBeUndefined()
    const honest = await newDevice(server.url)
    expect(await honest.sendFile(fileOf(HONEST_SQL))).toMatchObject({ item: 200 })
    expect(await honest.sendDelta(honestDelta(honest))).toMatchObject({ item: 200 })
  },
  60_000 + runs * 100,
)
