/** Hostile SyncML over real HTTP: answered, never believed; nobody else's session or copy is touched. */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MAX_COMMANDS } from '../../schemas/limits.ts'
import { decodeMessage, encodeMessage } from '../../schemas/syncml/codec.ts'
import type { Command, Message } from '../../schemas/syncml/message.ts'
import { formatPositionEmi } from '../../schemas/syncml/position.ts'
import { addOf, alerts, headerStatus, statuses, statusLine, syncAlert, syncOf } from '../support/omadsPeer.ts'
import { FILE_GZIP_TYPE, type HostileDevice, type HostileServer, openHostileServer } from './hostileServer.ts'
import { fileOf, HONEST_SQL, honestDelta } from './material.ts'

let server: HostileServer
let attacker: HostileDevice
let victim: HostileDevice
let before: string

beforeAll(async () => {
  server = await openHostileServer({ maxObjectMb: '4' })
  attacker = await server.addDevice()
  victim = await server.addDevice()
  for (const device of [attacker, victim])
    expect(await device.sendFile(fileOf(HONEST_SQL))).toMatchObject({ item: 200 })
  before = await server.copyState(victim)
})
afterAll(() => server.close())

const spools = () => readdirSync(join(server.data, 'spool')).length

async function opened(device: HostileDevice, code = 203, target = './databases/other') {
  const alert = syncAlert(code, '1', { target, emi: formatPositionEmi(device.chain(1)) })
  const sessionId = String(Math.floor(Math.random() * 1e9))
  const first = device.message([alert], { sessionId })
  const { reply } = await device.post(first)
  const url = reply?.header.respUri ?? ''
  let msgId = 1
  const next = (commands: Command[], more: Parameters<HostileDevice['message']>[1] = {}, final = false) => {
    const { cred: _, ...header } = device.header({ sessionId, msgId: String(++msgId) })
    return { ...device.message(commands, {}, final), header: { ...header, ...more } } as Message
  }
  return {
    url,
    sessionId,
    first,
    next,
    reply,
    send: async (commands: Command[], final = false) => (await device.post(next(commands, {}, final), url)).reply,
  }
}

const chunk = (bytes: number, more: { size?: number; moreData?: boolean; luid?: string } = {}) => {
  const add = addOf(more.luid ?? 'big', new Uint8Array(bytes), more)
  if (add.name !== 'Add') throw new Error('no Add')
  return {
    ...add,
    items: add.items.map((item) => ({ ...item, meta: { ...item.meta, type: FILE_GZIP_TYPE } })),
  } as Command
}

describe('octets', () => {
  it.each<[string, 'xml' | 'wbxml', () => Uint8Array, number[]]>([
    ['nothing', 'wbxml', () => new Uint8Array(), [400]],
    ['noise', 'wbxml', () => Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) & 255), [400, 413]],
    [
      'a string table of 4 GiB',
      'wbxml',
      () => Uint8Array.from([2, 0xa4, 1, 0x6a, 0x8f, 0xff, 0xff, 0xff, 0x7f]),
      [400, 413],
    ],
    [
      'an opaque of 4 GiB',
      'wbxml',
      () => Uint8Array.from([2, 0xa4, 1, 0x6a, 0, 0x6d, 0xc3, 0x8f, 0xff, 0xff, 0xff, 0x7f]),
      [400],
    ],
    ['depth', 'wbxml', () => Uint8Array.from([2, 0xa4, 1, 0x6a, 0, ...Array(100_000).fill(0x6d)]), [413]],
    [
      'unknown pages',
      'wbxml',
      () => Uint8Array.from([2, 0xa4, 1, 0x6a, 0, 0x6d, ...Array(9999).fill([0, 99]).flat(), 1]),
      [400],
    ],
    ['entities', 'xml', () => Buffer.from('<!DOCTYPE a [<!ENTITY b "c">]><SyncML>&b;</SyncML>'), [400]],
    ['depth in XML', 'xml', () => Buffer.from('<a>'.repeat(100_000)), [413]],
    [
      'attributes',
      'xml',
      () => Buffer.from(`<SyncML ${Array.from({ length: 10_000 }, (_, i) => `a${i}=""`).join(' ')}/>`),
      [413],
    ],
    ['4 MiB and one', 'xml', () => Buffer.alloc(4 * 1024 * 1024 + 1, 32), [413]],
    ['another encoding than said', 'xml', () => encodeMessage(attacker.message([]), 'wbxml'), [400]],
  ])('[WF-3] %s', async (_, encoding, octets, expected) => {
    const { status } = await attacker.postOctets(octets(), encoding)
    expect(expected).toContain(status)
  })

  it('[WF-3] a command more than the limit is too many, the limit is answered', async () => {
    const gets = (count: number) =>
      Array.from({ length: count }, () => ({ name: 'Alert', cmdId: '', data: '100', items: [] }) as Command)
    expect(await attacker.post(attacker.message(gets(MAX_COMMANDS + 1)))).toMatchObject({ http: 413 })
    const { http, reply } = await attacker.post(attacker.message(gets(MAX_COMMANDS)))
    expect(http).toBe(200)
    expect(statuses(reply as Message).length).toBeGreaterThan(1)
  }, 20_000)

  it.each(['', '0', '-1', '1.5', '1e3', '0x1', '9'.repeat(400), '99999999999', 'NaN', '٣'])(
    '[OM-3] MsgID %s',
    async (msgId) => {
      const { http, reply } = await attacker.post(attacker.message([], { msgId }))
      if (http === 200) expect(headerStatus(reply as Message)?.data).toBe(408)
      else expect(http).toBe(400)
    },
  )

  it('[WF-3] ids of 2000 characters', async () => {
    for (const more of [{ sessionId: 'x'.repeat(2000) }, { source: { locUri: 'x'.repeat(2000) } }])
      expect(await attacker.post(attacker.message([], more))).toMatchObject({ http: 413 })
  })

  it.each([0, 1, 100, 2 ** 45])('[OM-6] MaxMsgSize %i', async (maxMsgSize) => {
    const alert = syncAlert(205, '1', { target: './databases/app' })
    const { http, reply } = await attacker.post(attacker.message([alert], { meta: { maxMsgSize, maxObjSize: 1 } }))
    expect(http).toBe(200)
    expect(headerStatus(reply as Message)?.data).toBeDefined()
  })
})

describe('sessions of others', () => {
  it('[OM-14] a guessed token, the ids of the victim, and a replay from elsewhere change nothing', async () => {
    const session = await opened(victim)
    const { sessionId, url } = session
    const guess = `${server.url}/omads?s=${'0'.repeat(32)}`
    // With the attacker's own credentials, under the victim's device id and session id.
    const foreign = (msgId: string, to: string) =>
      attacker.post(
        attacker.message([chunk(10)], {
          sessionId,
          msgId,
          source: { locUri: victim.deviceId, locName: attacker.name },
        }),
        to,
      )
    for (const to of [guess, `${server.url}/omads`])
      for (const msgId of ['1', '2', '3']) {
        const { reply } = await foreign(msgId, to)
        expect([401, 403, 408]).toContain(headerStatus(reply as Message)?.data)
      }
    // The attacker's device under the victim's session id.
    const { reply } = await attacker.post(attacker.message([], { sessionId, msgId: '2' }), url)
    expect(headerStatus(reply as Message)?.data).toBe(408)
    // The session goes on as if nothing had been.
    expect(
      statusLine(
        (await session.send([syncOf([chunk(10, { size: 20, moreData: true })], './databases/other')])) as Message,
      ),
    ).toContain('Add:213')
    expect(await server.copyState(victim)).toBe(before)
  })

  it('[OM-3] a message that is sent again is answered again and not done again', async () => {
    const device = await server.addDevice()
    const session = await opened(device)
    const again = await device.post(session.first)
    expect(again.reply).toEqual(session.reply)
    const second = session.next([syncOf([chunk(10, { size: 20, moreData: true })], './databases/other')])
    const answers = await Promise.all([1, 2, 3].map(() => device.post(second, session.url)))
    expect(new Set(answers.map(({ reply }) => JSON.stringify(reply))).size).toBe(1)
    const changed = { ...second, commands: [] }
    expect(headerStatus((await device.post(changed, session.url)).reply as Message)?.data).toBe(400)
  })

  it('[OM-14] a device cannot name another: its id under its own credentials has a copy of its own at most', async () => {
    const answer = await attacker.post(
      attacker.message([syncAlert(205, '1')], { source: { locUri: victim.deviceId, locName: attacker.name } }),
    )
    expect(headerStatus(answer.reply as Message)?.data).toBe(401)
    expect(alerts(answer.reply as Message)).toEqual([])
  })
})

describe('datastores', () => {
  it.each([
    './databases/..',
    './databases/../app',
    './databases/%2e%2e',
    './databases/..%2fapp',
    './databases/a%2fb',
    './databases/a%00',
    './databases/',
    './databases',
    'databases/%',
    './ghosts',
    '',
    '/',
    './databases/a/b',
    './databases/a\\b',
    '../../etc/passwd',
    'http://elsewhere/etc/passwd',
    'file:///etc/passwd',
    `./databases/${'x'.repeat(900)}`,
    './databases/%ff',
    '?',
    '#',
    './databases/..;/x',
  ])('[OM-12] %s is none', async (target) => {
    const { reply } = await attacker.post(attacker.message([syncAlert(203, '1', { target })]))
    expect(statusLine(reply as Message)).toEqual(['SyncHdr:212', 'Alert:404'])
  })

  it('[OM-12] a target longer than any id is too large', async () => {
    expect(
      await attacker.post(attacker.message([syncAlert(203, '1', { target: `./databases/${'x'.repeat(5000)}` })])),
    ).toMatchObject({ http: 413 })
  })

  it('[RS-8] the database of another account is not there', async () => {
    const name = await server.rowOf(victim.accountId, victim.deviceId, 'app')
    expect(name).toBeDefined()
    const loner = await server.addDevice()
    const { reply } = await loner.post(loner.message([syncAlert(205, '1')]))
    expect(statusLine(reply as Message)).toEqual(['SyncHdr:212', 'Alert:404'])
  })
})

describe('large objects', () => {
  const run = async (...chunks: Command[]) => {
    const device = await server.addDevice()
    const session = await opened(device)
    const lines: string[] = []
    for (const command of chunks) {
      const reply = await session.send([syncOf([command], './databases/other')])
      lines.push(...statusLine(reply as Message).filter((line) => line.startsWith('Add')))
    }
    return lines
  }

  it.each<[string, () => Command[], string[]]>([
    ['no size', () => [chunk(10, { moreData: true })], ['Add:411']],
    ['a size beyond the limit', () => [chunk(10, { size: 2 ** 40, moreData: true })], ['Add:416']],
    ['less than was said', () => [chunk(10, { size: 100, moreData: true }), chunk(10)], ['Add:213', 'Add:424']],
    [
      'more than was said',
      () => [chunk(10, { size: 15, moreData: true }), chunk(10, { moreData: true }), chunk(1)],
      ['Add:213', 'Add:424', 'Add:424'],
    ],
    [
      'chunks of two objects',
      () => [chunk(10, { size: 20, moreData: true }), chunk(10, { size: 20, moreData: true, luid: 'b' }), chunk(10)],
      ['Add:213', 'Add:213', 'Add:500'],
    ],
    ['no chunk at all', () => [chunk(0, { size: 0, moreData: true }), chunk(0)], ['Add:213', 'Add:415']],
    [
      'chunks of nothing',
      () => [
        ...Array.from({ length: 50 }, (_, i) => chunk(0, { ...(i === 0 && { size: 1 }), moreData: true })),
        chunk(0),
      ],
      [...Array(50).fill('Add:213'), 'Add:424'],
    ],
  ])('[OM-7] %s', async (_, chunks, expected) => {
    const lines = await run(...chunks())
    expect(lines.map((line) => (line === 'Add:415' ? 'Add:500' : line))).toEqual(
      expected.map((line) => (line === 'Add:415' ? 'Add:500' : line)),
    )
  })

  it('[OM-22] what never ends is ended at its size, and a device has one such object at a time', async () => {
    const device = await server.addDevice()
    const others = spools()
    for (let round = 0; round < 5; round++) {
      const session = await opened(device)
      for (let i = 0; i < 3; i++)
        await session.send([
          syncOf([chunk(500_000, { ...(i === 0 && { size: 4_000_000 }), moreData: true })], './databases/other'),
        ])
    }
    expect(spools()).toBeLessThanOrEqual(others + 1)
  })
})

it('[OM-9] the victim and the attacker, once honest, are served', async () => {
  expect(await server.ready()).toBe(true)
  expect(await server.copyState(victim)).toBe(before)
  for (const device of [victim, attacker])
    expect(await device.sendDelta(honestDelta(device))).toMatchObject({ item: 200 })
})

it('[WF-1] what the server says can be read', async () => {
  const response = await attacker.postOctets(encodeMessage(attacker.message([]), 'xml'), 'xml')
  expect(headerStatus(decodeMessage(new Uint8Array(await response.arrayBuffer()), 'xml'))?.data).toBe(212)
})
