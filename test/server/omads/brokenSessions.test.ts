/** Sessions with a datastore of many Items that broke or were suspended, and what the next one goes on with. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Command, Message } from '../../../schemas/syncml/message.ts'
import {
  addCard,
  alertOf,
  card,
  chunk,
  codes,
  contactSync,
  type ItemServer,
  openItemServer,
} from '../../support/itemPeer.ts'
import { alerts, headerStatus, type OmadsPeer } from '../../support/omadsPeer.ts'

let items: ItemServer

beforeEach(async () => {
  items = await openItemServer()
})
afterEach(() => items.close())

/** Package 1 and its answer. */
async function open(peer: OmadsPeer, code: number, anchor: { last?: string; next: string }) {
  return peer.send(peer.message([alertOf(code, anchor)], { cred: peer.cred() }))
}

describe('broken sessions', () => {
  const text = card('big', 'x'.repeat(3000))

  it('[OM-31] an object goes on in the next session behind what came, or repeats its end', async () => {
    const peer = items.peer()
    await open(peer, 201, { next: '1' })
    const send = (p: OmadsPeer, command: Command) => p.send(p.message([contactSync([command])], { final: false }))
    expect(codes(await send(peer, chunk('a', text, 0, 1000, { size: true })))).toEqual(['Sync:200', 'Add:213'])
    expect(codes(await send(peer, chunk('a', text, 1000, 2000, {})))).toEqual(['Sync:200', 'Add:213'])
    const next = items.peer({ sessionId: '22' })
    next.nonce = peer.nonce
    expect(codes(await open(next, 225, { next: '2' }))).toEqual(['Alert:200'])
    expect(codes(await send(next, chunk('a', text, 1000, 2000, { at: true })))).toEqual(['Sync:200', 'Add:213'])
    expect(codes(await send(next, chunk('a', text, 2000, 5000, { at: true })))).toEqual(['Sync:200', 'Add:201'])
    expect(await items.contacts()).toEqual([text])
    const third = items.peer({ sessionId: '23' })
    third.nonce = next.nonce
    await open(third, 225, { next: '3' })
    expect(codes(await send(third, chunk('a', text, 2000, 5000, { at: true })))).toEqual(['Sync:200', 'Add:201'])
    expect(codes(await send(third, chunk('b', text, 9, 99, { at: true })))).toEqual(['Sync:200', 'Add:411'])
    expect(await items.contacts()).toEqual([text])
    expect(await items.bench.spool.list()).toEqual([])
  })

  it('[OM-31] a gap is 412, and another kind of sync drops what was held', async () => {
    const peer = items.peer()
    await open(peer, 201, { next: '1' })
    await peer.send(peer.message([contactSync([chunk('a', text, 0, 1000, { size: true })])], { final: false }))
    const next = items.peer({ sessionId: '22' })
    next.nonce = peer.nonce
    await open(next, 225, { next: '2' })
    const gap = await next.send(next.message([contactSync([chunk('a', text, 1500, 5000, { at: true })])]))
    expect(codes(gap)).toEqual(['Sync:200', 'Add:412'])
    const other = items.peer({ deviceId: 'dev-2' })
    await open(other, 201, { next: '1' })
    await other.send(other.message([contactSync([chunk('a', text, 0, 1000, { size: true })])], { final: false }))
    const slow = items.peer({ deviceId: 'dev-2', sessionId: '22' })
    slow.nonce = other.nonce
    await open(slow, 201, { next: '2' })
    expect(await items.server.deps.heldObjects.list()).toEqual([])
    expect(await items.bench.spool.list()).toEqual([])
  })

  it('[OM-31] an Item of ours that goes out whole says that it begins anew: the client may hold a piece of it', async () => {
    const sender = items.peer({ deviceId: 'dev-2' })
    await open(sender, 201, { next: '1' })
    await sender.send(sender.message([contactSync([addCard('a', text)])]))
    const puts = (message: Message) => message.commands.flatMap((c) => (c.name === 'Sync' ? c.commands : []))
    const small = items.peer({ maxMsgSize: 2500 })
    await open(small, 201, { next: '1' })
    const piece = await small.send(small.message([contactSync([])]))
    expect(puts(piece)).toMatchObject([{ items: [{ moreData: true }] }])
    const next = items.peer({ sessionId: '22' })
    next.nonce = small.nonce
    await open(next, 225, { next: '2' })
    const whole = await next.send(next.message([contactSync([])]))
    expect(puts(whole)).toMatchObject([{ items: [{ meta: { emi: ['datapos=0'] }, data: { kind: 'text', text } }] }])
  })

  it('[OM-31] Alert 224 ends the session, and what comes after is not executed', async () => {
    const peer = items.peer()
    await open(peer, 201, { next: '1' })
    const suspend: Command = { name: 'Alert', cmdId: '', data: '224', items: [] }
    const answer = await peer.send(peer.message([contactSync([addCard('a')]), suspend, contactSync([addCard('b')])]))
    expect(codes(answer)).toEqual(['Sync:200', 'Add:201', 'Alert:200', 'Sync:514', 'Add:514'])
    expect(answer.final).toBe(true)
    expect(alerts(answer)).toEqual([])
    const next = items.peer({ sessionId: '22' })
    next.nonce = peer.nonce
    const resumed = await open(next, 225, { next: '2' })
    expect(headerStatus(resumed)?.data).toBe(212)
    expect(codes(resumed)).toEqual(['Alert:200'])
    expect(alerts(resumed)).toEqual(['201'])
    expect(codes(await next.send(next.message([contactSync([addCard('b')])])))).toEqual(['Sync:200', 'Add:201'])
    expect(await items.contacts()).toHaveLength(2)
  })

  it('[OM-31] a server that was started anew goes on as well', async () => {
    const peer = items.peer()
    await open(peer, 201, { next: '1' })
    const part = (p: OmadsPeer, command: Command) => p.send(p.message([contactSync([command])], { final: false }))
    await part(peer, chunk('a', text, 0, 1000, { size: true }))
    items.restart()
    expect(codes(await part(peer, chunk('a', text, 1000, 2000, {})))).toEqual(['Sync:200', 'Add:213'])
    items.restart()
    const next = items.peer({ sessionId: '22' })
    next.nonce = peer.nonce
    await open(next, 225, { next: '2' })
    items.restart()
    expect(codes(await part(next, chunk('a', text, 2000, 5000, { at: true })))).toEqual(['Sync:200', 'Add:201'])
    expect(await items.contacts()).toEqual([text])
  })
})
