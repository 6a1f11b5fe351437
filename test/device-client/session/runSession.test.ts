/** The device's session against the server's engine, over a network that does what it likes. */

import { describe, expect, it } from 'vitest'
import { BUSY_PAUSES_MS, nextUrl, RETRY_PAUSES_MS } from '../../../device-client/session/exchange.ts'
import { OWN_MAX_MSG_SIZE } from '../../../schemas/limits.ts'
import { decodeMessage, encodeMessage } from '../../../schemas/syncml/codec.ts'
import type { Message } from '../../../schemas/syncml/message.ts'
import { content, position, receiving, requestOf, run, sending, stored } from '../../support/deviceSession.ts'
import { type Fault, memoryKeyStore } from '../../support/lossyFetch.ts'
import { gate, manualDelay } from '../../support/manualDelay.ts'
import { omadsServer } from '../../support/omadsPeer.ts'

describe('exchanges', () => {
  it('[DC-11] a small backup is one exchange, at first contact and with a known nonce', async () => {
    const server = omadsServer()
    const keyStore = memoryKeyStore()
    const first = await run(server, requestOf(sending(content(500))), keyStore)
    expect(first.result).toMatchObject({ outcome: 'accepted', exchanges: 1, alertStatus: 200, itemStatus: 201 })
    const second = await run(server, requestOf(sending(content(500, 9), 202), { last: '7', next: '8' }), keyStore)
    expect(second.result).toMatchObject({ outcome: 'accepted', exchanges: 1, itemStatus: 200 })
    expect(stored(server).equals(Buffer.from(content(500, 9)))).toBe(true)
    expect(server.store.anchor).toBe('8')
    expect(server.errors).toEqual([])
  })

  it('[DC-11] a fresh challenge makes it two', async () => {
    const server = omadsServer()
    await run(server, requestOf(sending(content(500))), memoryKeyStore())
    const { result } = await run(server, requestOf(sending(content(600))), memoryKeyStore())
    expect(result).toMatchObject({ outcome: 'accepted', exchanges: 2 })
    expect(stored(server).equals(Buffer.from(content(600)))).toBe(true)
  })

  it('[DC-11] [DC-13] without a nonce a large Item waits for the login; then messages are as large as the server takes', async () => {
    const server = omadsServer()
    const whole = content(3 * OWN_MAX_MSG_SIZE)
    const { result, network } = await run(server, requestOf(sending(whole)), memoryKeyStore())
    expect(result).toMatchObject({ outcome: 'accepted', exchanges: 5 })
    expect(network.sent[0]?.length).toBeLessThan(1000)
    const sizes = network.sent.slice(1, 4).map((b) => b.length)
    expect(sizes.every((size) => size <= OWN_MAX_MSG_SIZE && size > OWN_MAX_MSG_SIZE - 64)).toBe(true)
    expect(stored(server).equals(Buffer.from(whole))).toBe(true)
    expect(server.spool.ids()).toEqual([])
  })

  it('counts bodies exactly', async () => {
    const server = omadsServer()
    const { result, network } = await run(server, requestOf(sending(content(90_000))), memoryKeyStore(), [
      'busy',
      'none',
    ])
    const sum = (bodies: readonly Uint8Array[]) => bodies.reduce((total, b) => total + b.length, 0)
    expect(result.exchanges).toBe(network.sent.length)
    expect(result.bytesSent).toBe(sum(network.sent))
    expect(result.bytesReceived).toBe(sum(network.received))
  })

  it('tells device information once, and again after it changed', async () => {
    const server = omadsServer()
    const keyStore = memoryKeyStore()
    const devInf = {
      verDtd: '1.2',
      man: 'm',
      mod: 'a',
      fwV: '1',
      swV: '1',
      hwV: '1',
      devId: 'dev-1',
      devTyp: 'phone',
      dataStores: [],
    }
    const puts: boolean[] = []
    for (const mod of ['a', 'a', 'b']) {
      const request = requestOf(sending(content(10)), { devInf: { ...devInf, mod } })
      const { network } = await run(server, request, keyStore)
      puts.push(decodeMessage(network.sent[0] ?? new Uint8Array(), 'wbxml').commands.some((c) => c.name === 'Put'))
    }
    expect(puts).toEqual([true, false, true])
  })
})

describe('outcomes', () => {
  it('508 is refresh-required with the position of the server, and nothing is applied', async () => {
    const server = omadsServer()
    server.store.anchor = '5'
    server.store.position = position
    const { result } = await run(server, requestOf(sending(content(10), 202), { last: '4' }), memoryKeyStore())
    expect(result).toMatchObject({ outcome: 'refresh-required', status: 508, serverPosition: position })
    expect(server.store.events).toEqual([])
  })

  it('[DC-16] a wrong secret is refused with 401 after one try', async () => {
    const server = omadsServer()
    const { result } = await run(server, requestOf(sending(content(10)), { secret: 'wrong' }), memoryKeyStore())
    expect(result).toMatchObject({ outcome: 'refused', status: 401, exchanges: 2 })
  })

  it('[DC-16] the next nonce is kept when it arrives, also if the session fails afterwards', async () => {
    const server = omadsServer()
    const keyStore = memoryKeyStore()
    const { omads } = server
    let answers = 0
    const breaking = async (request: Parameters<typeof omads>[0]) => {
      const answer = await omads(request)
      answers += 1
      return answers < 3 ? answer : { ...answer, bytes: new Uint8Array([1]) }
    }
    server.omads = Object.assign(breaking, { expireIdle: omads.expireIdle, settled: omads.settled })
    const large = content(2 * OWN_MAX_MSG_SIZE)
    await expect(run(server, requestOf(sending(large)), keyStore)).rejects.toMatchObject({ code: 'protocol.malformed' })
    server.omads = omads
    const { result } = await run(server, requestOf(sending(content(10))), keyStore)
    expect(result).toMatchObject({ outcome: 'accepted', exchanges: 1 })
  })

  it('[DC-51] a server that is still at work is waited for with growing pauses, and asked with the same octets', async () => {
    const delay = manualDelay()
    const server = omadsServer({ busy: { afterMs: 30_000, delay: delay.delay } })
    const door = gate()
    const { apply } = server.store
    const { omads } = server
    Object.assign(server.store, {
      apply: (...given: Parameters<typeof apply>) => door.pass().then(() => apply(...given)),
    })
    let asked = 0
    const slowly = async (request: Parameters<typeof omads>[0]) => {
      const answering = omads(request)
      asked += 1
      if (asked > 4) door.open()
      else await door.reached.then(() => new Promise(setImmediate)).then(() => delay.fire())
      return answering
    }
    server.omads = Object.assign(slowly, { expireIdle: omads.expireIdle, settled: omads.settled })
    const before = server.time
    const devInf = { verDtd: '1.2' as const, man: 'Nightferry', devId: 'dev-1', devTyp: 'server', dataStores: [] }
    const { result, network } = await run(server, requestOf(sending(content(500)), { devInf }), memoryKeyStore())
    expect(result).toMatchObject({ outcome: 'accepted', itemStatus: 201, exchanges: 5 })
    expect(new Set(network.sent.map((octets) => Buffer.from(octets).toString('hex'))).size).toBe(1)
    expect(server.time - before).toBe(BUSY_PAUSES_MS.slice(0, 4).reduce((sum, pause) => sum + pause, 0))
    expect(server.store.events).toEqual(['put delta', 'finish'])
  })

  it('[DC-51] a server that stays at work is given up after an hour', async () => {
    const server = omadsServer()
    const { omads } = server
    const stuck = async (request: Parameters<typeof omads>[0]) => {
      const { header } = decodeMessage(request.bytes, 'wbxml')
      const status = {
        name: 'Status',
        cmdId: '1',
        msgRef: header.msgId,
        cmdRef: '0',
        cmd: 'SyncHdr',
        data: 101,
      } as const
      const said = { ...header, target: header.source, source: header.target }
      const commands = [{ ...status, targetRefs: [], sourceRefs: [], items: [] }]
      const bytes = encodeMessage({ header: said, commands, final: false }, 'wbxml')
      return { status: 200, contentType: request.contentType, bytes }
    }
    server.omads = Object.assign(stuck, { expireIdle: omads.expireIdle, settled: omads.settled })
    const before = server.time
    const tried = run(server, requestOf(sending(content(500))), memoryKeyStore())
    await expect(tried).rejects.toMatchObject({ code: 'session.busy' })
    expect(server.time - before).toBeGreaterThan(3_600_000)
  })

  it('an unknown datastore is refused with 404, a failed Item with its Status', async () => {
    const server = omadsServer()
    const none = await run(server, requestOf(sending(content(10)), { datastore: './databases/none' }), memoryKeyStore())
    expect(none.result).toMatchObject({ outcome: 'refused', status: 404, alertStatus: 404 })
    server.store.failNext = 420
    const full = await run(server, requestOf(sending(content(10)), { deviceId: 'dev-2' }), memoryKeyStore())
    expect(full.result).toMatchObject({ outcome: 'refused', status: 420, itemStatus: 420 })
  })

  it('[DC-12] a server that never answers is network.unreachable after bounded tries with growing pauses', async () => {
    const server = omadsServer()
    const before = server.time
    const faults: Fault[] = Array.from({ length: 50 }, () => 'drop-request')
    const tried = run(server, requestOf(sending(content(10))), memoryKeyStore(), faults)
    await expect(tried).rejects.toMatchObject({ code: 'network.unreachable' })
    expect(server.time - before).toBe(RETRY_PAUSES_MS.reduce((a, b) => a + b, 0))
  })

  it('[DC-15] RespURI never leads to another server', () => {
    expect(nextUrl('https://a.example/omads', 'http://evil.example/omads?s=1')).toBe('https://a.example/omads?s=1')
    expect(nextUrl('https://a.example:8443/omads', '/omads?s=1')).toBe('https://a.example:8443/omads?s=1')
  })
})

describe('receiving', () => {
  it('takes a large object and small ones, maps them, and the server learns that they arrived', async () => {
    const server = omadsServer()
    const large = content(2_500_000)
    server.store.offered.set('g1', { bytes: content(10), type: 'application/octet-stream' })
    server.store.offered.set('g2', { bytes: large, type: 'application/octet-stream' })
    server.store.offered.set('g3', { bytes: new Uint8Array(), type: 'application/octet-stream' })
    const { transfer, items, aborted } = receiving()
    const { result } = await run(server, requestOf(transfer), memoryKeyStore())
    expect(result).toMatchObject({ outcome: 'accepted', itemStatus: 201 })
    expect(items.size).toBe(3)
    expect(Buffer.compare(items.get('g2') ?? new Uint8Array(), large)).toBe(0)
    expect(server.store.acknowledged.sort()).toEqual(['g1', 'g2', 'g3'])
    expect(aborted).toEqual([])
    expect(server.errors).toEqual([])
  })
})

describe('[DC-14] an untrusted server', () => {
  const spoilt: Record<string, (m: Message) => Message> = {
    'another session': (m) => ({ ...m, header: { ...m.header, sessionId: 'other' } }),
    'a message out of order': (m) => ({ ...m, header: { ...m.header, msgId: '5' } }),
    'a status for a message never sent': (m) => ({
      ...m,
      commands: m.commands.map((c) => (c.name === 'Status' ? { ...c, msgRef: '9' } : c)),
    }),
    'no status at all': (m) => ({ ...m, commands: m.commands.filter((c) => c.name !== 'Status') }),
    'no status for the item': (m) => ({
      ...m,
      commands: m.commands.filter((c) => c.name !== 'Status' || c.cmd !== 'Add'),
    }),
    'an alert that would write to the device': (m) => ({
      ...m,
      commands: m.commands.map((c) => (c.name === 'Alert' ? { ...c, data: '205' } : c)),
    }),
  }
  it.each(Object.keys(spoilt))('%s is protocol.malformed', async (what) => {
    const server = omadsServer()
    const { omads } = server
    const spoil = spoilt[what]
    const spoiling = async (request: Parameters<typeof omads>[0]) => {
      const answer = await omads(request)
      const message = decodeMessage(answer.bytes, 'wbxml')
      return { ...answer, bytes: encodeMessage(spoil ? spoil(message) : message, 'wbxml') }
    }
    server.omads = Object.assign(spoiling, { expireIdle: omads.expireIdle, settled: omads.settled })
    const tried = run(server, requestOf(sending(content(10))), memoryKeyStore())
    await expect(tried).rejects.toMatchObject({ code: 'protocol.malformed' })
  })
})
