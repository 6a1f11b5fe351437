/** The busy signal: who is told to wait, how the answer is asked for, and what a crash in between costs. */

import { describe, expect, it } from 'vitest'
import { contentTypeOf, decodeMessage, encodeMessage } from '../../../schemas/syncml/codec.ts'
import type { Command, Encoding, Message } from '../../../schemas/syncml/message.ts'
import { busySignalsFor } from '../../../server/omads/busySignalsFor.ts'
import { gate, manualDelay } from '../../support/manualDelay.ts'
import {
  addOf,
  alerts,
  headerStatus,
  OmadsPeer,
  type OmadsServer,
  omadsServer,
  type PeerOptions,
  statuses,
  statusLine,
  syncAlert,
  syncOf,
} from '../../support/omadsPeer.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)
const described = (man: string, mod = 'x') => ({
  ...{ verDtd: '1.2' as const, man, mod, fwV: '1', swV: '1', hwV: '1', devId: 'dev-1', devTyp: 'phone' },
  dataStores: [],
})

/** Asks for the answer that is awaited. */
function resultAlert(): Command {
  const item = { target: { locUri: './databases/app' }, source: { locUri: './app' } }
  return { name: 'Alert', cmdId: '', data: '221', items: [item] }
}

interface Bench {
  readonly server: OmadsServer
  readonly delay: ReturnType<typeof manualDelay>
  /** Changes wait at it. */
  door: ReturnType<typeof gate>
  peer(options?: PeerOptions): OmadsPeer
}

async function bench(man = 'Nightferry'): Promise<Bench> {
  const delay = manualDelay()
  const server = omadsServer({ syncTypes: [200, 201, 202, 203, 205], busy: { afterMs: 30_000, delay: delay.delay } })
  const under: Bench = { server, delay, door: gate(), peer: (options) => new OmadsPeer(server, options) }
  const { apply } = server.store
  Object.assign(server.store, {
    apply: async (...given: Parameters<typeof apply>) => {
      await under.door.pass()
      return apply(...given)
    },
  })
  await server.deps.descriptions.write('acc-alice', 'dev-1', described(man))
  return under
}

const backup = (peer: OmadsPeer): Message =>
  peer.message([syncAlert(203, '7'), syncOf([addOf('1', bytesOf('one'))])], { cred: peer.cred() })

/** Sends `message`, whose work stops at the door, and lets the time pass. */
async function sendSlow({ door, delay }: Bench, peer: OmadsPeer, message: Message): Promise<Message> {
  const answering = peer.send(message)
  await door.reached
  delay.fire()
  return answering
}

/** Asks once more and lets the time pass. */
async function askEarly({ delay }: Bench, peer: OmadsPeer): Promise<Message> {
  const answering = peer.send(peer.message([resultAlert()], { final: false }))
  await new Promise(setImmediate)
  delay.fire()
  return answering
}

describe.each<Encoding>(['xml', 'wbxml'])('Alert 221 in %s', (encoding) => {
  it('[OM-34] slow work is answered 101 on the SyncHdr alone, and the answer follows when it is asked for', async () => {
    const under = await bench()
    const peer = under.peer({ encoding })
    const busy = await sendSlow(under, peer, backup(peer))
    expect(statusLine(busy)).toEqual(['SyncHdr:101'])
    expect(busy.commands).toHaveLength(1)
    expect(busy.final).toBe(false)
    expect(busy.header).toMatchObject({ msgId: '1', respUri: expect.stringContaining('?s=') })
    const again = await askEarly(under, peer)
    expect(statusLine(again)).toEqual(['SyncHdr:101'])
    expect(again.header.msgId).toBe('2')
    under.door.open()
    const answer = await peer.send(peer.message([resultAlert()], { final: false }))
    expect(answer.header.msgId).toBe('3')
    expect(statuses(answer).map((s) => `${s.msgRef}/${s.cmd}:${s.data}`)).toEqual([
      ...['3/SyncHdr:200', '3/Alert:200', '1/SyncHdr:212', '1/Alert:200', '1/Sync:200', '1/Add:201'],
    ])
    expect(alerts(answer)).toEqual(['203'])
    // A classic client: a Sync of ours closes its one-way session.
    expect(answer.commands.at(-1)).toMatchObject({ name: 'Sync' })
    expect(answer.commands.map(({ cmdId }) => cmdId)).toEqual(answer.commands.map((_, at) => String(at + 1)))
    expect(answer.final).toBe(true)
    expect(statuses(answer)[2]?.chal?.meta.nextNonce).toHaveLength(16)
    const end = await peer.send(peer.message([]))
    expect(statusLine(end)).toEqual(['SyncHdr:200'])
    expect(end.final).toBe(true)
    expect(under.server.store.events).toEqual(['put 1', 'finish'])
    expect(under.server.errors).toEqual([])
  })
})

describe('slow work', () => {
  it('[OM-34] [OM-3] the same message again is told to wait, then gets the answer, the same octets each time', async () => {
    const under = await bench()
    const { server, door, delay } = under
    const peer = under.peer()
    const request = {
      ...{ bytes: encodeMessage(backup(peer), 'wbxml'), contentType: contentTypeOf('wbxml') },
      ...{ url: 'http://sync.example/omads', host: 'sync.example', remoteAddress: '127.0.0.1' },
    }
    const first = server.omads(request)
    await door.reached
    const second = server.omads(request)
    await new Promise(setImmediate)
    delay.fire()
    expect((await first).bytes).toEqual((await second).bytes)
    const third = server.omads(request)
    door.open()
    const answer = await third
    expect(statusLine(decodeMessage(answer.bytes, 'wbxml'))).toEqual([
      'SyncHdr:212',
      'Alert:200',
      'Sync:200',
      'Add:201',
    ])
    server.restart()
    expect((await server.omads(request)).bytes).toEqual(answer.bytes)
    expect(server.store.events).toEqual(['put 1', 'finish'])
  })

  it('[OM-34] a crash in between: 221 says that the work is gone, and the message is worked when it comes again', async () => {
    const under = await bench()
    const { server } = under
    const peer = under.peer()
    await peer.send(peer.message([syncAlert(203, '7')], { cred: peer.cred() }))
    const sync = peer.message([syncOf([addOf('1', bytesOf('one'))])])
    expect(statusLine(await sendSlow(under, peer, sync))).toEqual(['SyncHdr:101'])
    // What waits at the old door is never heard of again: its process was killed.
    under.door = gate()
    under.door.open()
    server.restart()
    const gone = await peer.send(peer.message([resultAlert()], { final: false }))
    expect(statusLine(gone)).toEqual(['SyncHdr:408', 'Alert:408'])
    const worked = await peer.send(sync)
    expect(statusLine(worked)).toEqual(['SyncHdr:200', 'Sync:200', 'Add:201'])
    expect(worked.header.msgId).toBe('2')
    expect(server.store.events).toEqual(['put 1', 'finish'])
    expect(server.errors).toEqual([])
  })

  it('[OM-34] package 4 may be asked for: its Items are answered under the numbers they came with', async () => {
    const under = await bench()
    const { server, door } = under
    server.store.offered.set('g1', { bytes: bytesOf('from the server'), type: 'application/octet-stream' })
    const peer = under.peer()
    const first = peer.message([syncAlert(200, '7'), syncOf([addOf('1', bytesOf('one'))])], { cred: peer.cred() })
    await sendSlow(under, peer, first)
    door.open()
    const answer = await peer.send(peer.message([resultAlert()], { final: false }))
    const sync = answer.commands.find((c) => c.name === 'Sync')
    const add = sync?.name === 'Sync' ? sync.commands[0] : undefined
    expect(add).toMatchObject({ name: 'Add', cmdId: String(Number(sync?.cmdId) + 1) })
    const taken = { msgRef: answer.header.msgId, cmdRef: add?.cmdId ?? '', cmd: 'Add', data: 201 }
    await peer.send(peer.message([{ name: 'Status', cmdId: '', ...taken, targetRefs: [], sourceRefs: [], items: [] }]))
    expect(server.store.acknowledged).toEqual(['g1'])
    expect(server.errors).toEqual([])
  })

  it('[OM-34] [OM-6] the answer that is asked for stays below MaxMsgSize, however full it is', async () => {
    const under = await bench()
    const peer = under.peer({ maxMsgSize: 5000 })
    const changes = Array.from({ length: 200 }, (_, at) => addOf(`luid-${at}`, bytesOf('x')))
    await sendSlow(under, peer, peer.message([syncAlert(203, '7'), syncOf(changes)], { cred: peer.cred() }))
    under.door.open()
    const said: string[] = []
    let answer = await peer.post(peer.message([resultAlert()], { final: false }))
    for (let turn = 0; turn < 20; turn++) {
      expect(answer.bytes.length).toBeLessThanOrEqual(5000)
      const message = decodeMessage(answer.bytes, 'wbxml')
      said.push(...statuses(message).flatMap((s) => (s.cmd === 'Add' ? s.sourceRefs : [])))
      if (message.final) break
      answer = await peer.post(peer.message([{ ...resultAlert(), data: '222' } as Command], { final: false }))
    }
    expect(said).toEqual(changes.map((_, at) => `luid-${at}`))
  })

  it('[OM-34] nobody but the session is told: not another address, not another message of that device', async () => {
    const under = await bench()
    const { delay, door, server } = under
    const peer = under.peer()
    await sendSlow(under, peer, backup(peer))
    const stranger = under.peer({ remoteAddress: '203.0.113.9', sessionId: '21' })
    stranger.msgId = 1
    const asking = stranger.post(stranger.message([resultAlert()], { final: false }))
    const beginning = under.peer({ sessionId: '99', remoteAddress: '203.0.113.9' })
    const begun = beginning.post(beginning.message([syncAlert(203, '1')]))
    await new Promise(setImmediate)
    delay.fire()
    const early = Promise.race([asking, begun, new Promise(setImmediate).then(() => 'nothing yet')])
    expect(await early).toBe('nothing yet')
    door.open()
    expect(statusLine(decodeMessage((await asking).bytes, 'wbxml'))[0]).toBe('SyncHdr:407')
    expect(statusLine(decodeMessage((await begun).bytes, 'wbxml'))[0]).toBe('SyncHdr:407')
    expect(server.errors).toEqual([])
  })

  it('[OM-34] clients that may not understand it wait for the answer', async () => {
    const under = await bench('Somebody')
    const peer = under.peer()
    const answering = peer.send(backup(peer))
    await under.door.reached
    under.delay.fire()
    await new Promise(setImmediate)
    under.door.open()
    expect(statusLine(await answering)).toEqual(['SyncHdr:212', 'Alert:200', 'Sync:200', 'Add:201'])
  })

  it('[OM-34] iSync is told once, a client without a description never', async () => {
    expect(busySignalsFor(described('Nokia'))).toBe(Number.POSITIVE_INFINITY)
    expect(busySignalsFor(described('Apple Computer', 'iSync'))).toBe(1)
    expect(busySignalsFor(undefined)).toBe(0)
    const under = await bench('Apple Inc.')
    const peer = under.peer()
    await sendSlow(under, peer, backup(peer))
    const asking = peer.send(peer.message([resultAlert()], { final: false }))
    await new Promise(setImmediate)
    under.delay.fire()
    await new Promise(setImmediate)
    under.door.open()
    expect(headerStatus(await asking)?.data).toBe(200)
  })

  it('[OM-34] without being told to wait nobody may ask (406), and a session goes on after it was asked', async () => {
    const under = await bench()
    under.door.open()
    const peer = under.peer()
    await peer.send(peer.message([syncAlert(203, '7')], { cred: peer.cred() }))
    const answer = await peer.send(peer.message([resultAlert()], { final: false }))
    expect(statusLine(answer)).toEqual(['SyncHdr:200', 'Alert:406'])
    const done = await peer.send(peer.message([syncOf([addOf('1', bytesOf('one'))])]))
    expect(statusLine(done)).toEqual(['SyncHdr:200', 'Sync:200', 'Add:201'])
  })
})
