/** The engine and a datastore of many Items: batches, groups, Maps, device information. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Command, DevInf } from '../../../schemas/syncml/message.ts'
import {
  addCard,
  addedIds,
  alertOf,
  answersTo,
  card,
  codes,
  contactSync,
  type ItemServer,
  openItemServer,
} from '../../support/itemPeer.ts'
import { alerts, type OmadsPeer } from '../../support/omadsPeer.ts'

let items: ItemServer

beforeEach(async () => {
  items = await openItemServer()
})
afterEach(() => items.close())

/** Package 1 and its answer. */
async function open(peer: OmadsPeer, code: number, anchor: { last?: string; next: string }, more: Command[] = []) {
  return peer.send(peer.message([...more, alertOf(code, anchor)], { cred: peer.cred() }))
}

const group = (name: 'Atomic' | 'Sequence', commands: readonly Command[]): Command => ({
  name,
  cmdId: '50',
  commands: commands.map((c, at) => ({ ...c, cmdId: String(51 + at) })),
})
const remove = (luid: string): Command => ({ name: 'Delete', cmdId: '', items: [{ source: { locUri: luid } }] })

describe('changes of a Sync', () => {
  it('[OM-28] one call for many, and Statuses in order', async () => {
    const peer = items.peer({ maxMsgSize: 1_000_000 })
    await open(peer, 201, { next: '1' })
    const adds = Array.from({ length: 700 }, (_, n) => addCard(`c${n}`))
    const broken: Command = { ...addCard('c0', 'no card'), cmdId: '7' }
    const exec: Command = { name: 'Exec', cmdId: '8', items: [] }
    const answer = await peer.send(peer.message([contactSync([...adds, exec, broken])]))
    const expected = [...adds.map(() => 'Add:201'), 'Exec:501', 'Add:415']
    expect(codes(answer)).toEqual(['Sync:200', ...expected])
    expect(await items.contacts()).toHaveLength(700)
  })

  it('[OM-28] Sequence is the order that holds anyway, Copy and what has no Status', async () => {
    const peer = items.peer()
    await open(peer, 201, { next: '1' })
    const copy: Command = { name: 'Copy', cmdId: '', items: [{ source: { locUri: 'a' }, target: { locUri: 'b' } }] }
    const silent = { ...addCard('c'), noResp: true } as Command
    const answer = await peer.send(
      peer.message([contactSync([group('Sequence', [addCard('a'), copy, remove('a')]), silent])]),
    )
    expect(codes(answer)).toEqual(['Sync:200', 'Sequence:200', 'Add:201', 'Copy:201', 'Delete:200'])
    expect(await items.contacts()).toHaveLength(2)
  })

  it('[OM-28] Atomic is all or none', async () => {
    const peer = items.peer()
    await open(peer, 201, { next: '1' })
    const bad = addCard('bad', 'no card')
    const answer = await peer.send(
      peer.message([
        contactSync([group('Atomic', [addCard('a'), addCard('b')])]),
        contactSync([group('Atomic', [addCard('c'), bad, addCard('d')])]),
        contactSync([group('Atomic', [group('Atomic', [addCard('e')])])]),
      ]),
    )
    expect(codes(answer)).toEqual([
      ...['Sync:200', 'Atomic:200', 'Add:201', 'Add:201'],
      ...['Sync:200', 'Atomic:507', 'Add:216', 'Add:415', 'Add:215'],
      ...['Sync:200', 'Atomic:406', 'Atomic:215', 'Add:215'],
    ])
    expect(await items.contacts()).toHaveLength(2)
    const many = Array.from({ length: 40 }, (_, n) => addCard(`m${n}`))
    const small = items.peer({ deviceId: 'dev-2', maxMsgSize: 4000 })
    await open(small, 201, { next: '1' })
    const refused = await small.send(small.message([contactSync([group('Atomic', many)])]))
    expect(codes(refused).slice(0, 3)).toEqual(['Sync:200', 'Atomic:517', 'Add:215'])
  })

  it('[OM-8] a client that does not know our anchor goes on with a slow sync', async () => {
    const peer = items.peer()
    await open(peer, 201, { next: '1' })
    const sent = await peer.send(peer.message([contactSync([addCard('a')])]))
    await peer.send(peer.message(answersTo(sent)))
    const again = items.peer({ sessionId: '22' })
    again.nonce = peer.nonce
    const opened = await open(again, 200, { last: '1', next: '2' })
    expect(alerts(opened)).toEqual(['200'])
    const doubt = answersTo(opened).map((s) => (s.name === 'Status' && s.cmd === 'Alert' ? { ...s, data: 508 } : s))
    const answer = await again.send(again.message([...doubt, contactSync([addCard('a')])]))
    expect(codes(answer)).toEqual(['Sync:200', 'Add:418'])
    const sessions = await items.server.deps.sessions.findByDevice('dev-1')
    const session = sessions.find(({ state }) => state.identity.sessionId === '22')
    expect(session?.state).toMatchObject({ links: [{ type: 201 }] })
    expect(await items.contacts()).toHaveLength(1)
  })
})

describe('Items for the client', () => {
  it('[OM-29] the session stays small however many wait, and each comes once', async () => {
    const one = items.peer({ maxMsgSize: 1_000_000 })
    await open(one, 201, { next: '1' })
    await one.send(one.message([contactSync(Array.from({ length: 1200 }, (_, n) => addCard(`c${n}`)))]))
    const two = items.peer({ deviceId: 'dev-2', maxMsgSize: 1_000_000 })
    await open(two, 201, { next: '1' })
    let answer = await two.send(two.message([contactSync([])]))
    const ids: string[] = []
    for (;;) {
      const [session] = await items.server.deps.sessions.findByDevice('dev-2')
      expect(JSON.stringify(session?.state).length).toBeLessThan(40_000)
      ids.push(...addedIds(answer))
      const last = answer.final
      answer = await two.send(two.message(answersTo(answer), { final: last }))
      if (last) break
    }
    expect(new Set(ids).size).toBe(1200)
    expect(ids).toHaveLength(1200)
  })

  it('[OM-33] Maps are taken for other datastores, and again; a pair that was never sent is refused by itself', async () => {
    const one = items.peer()
    await open(one, 201, { next: '1' })
    await one.send(one.message([contactSync([addCard('a'), addCard('b')])]))
    const two = items.peer({ deviceId: 'dev-2' })
    await open(two, 201, { next: '1' })
    const given = addedIds(await two.send(two.message([contactSync([])])))
    const map = (pairs: readonly (readonly [string, string])[]): Command => ({
      name: 'Map',
      cmdId: '4',
      target: { locUri: './contacts' },
      source: { locUri: './card' },
      mapItems: pairs.map(([guid, luid]) => ({ target: { locUri: guid }, source: { locUri: luid } })),
    })
    const broken = items.peer({ deviceId: 'dev-2', sessionId: '22' })
    broken.nonce = two.nonce
    const pairs = given.map((guid, at) => [guid, `l${at}`] as const)
    const first = await broken.send(
      broken.message([map(pairs), map([...pairs, ['never', 'x']])], { cred: broken.cred() }),
    )
    expect(codes(first)).toEqual(['Map:200', 'Map:200', 'Map:200', 'Map:404'])
  })

  it('[OM-32] text is cut amid words', async () => {
    const one = items.peer()
    await open(one, 201, { next: '1' })
    const note = Array.from({ length: 3000 }, (_, n) => `${n} \t x`).join(' ')
    await one.send(one.message([contactSync([addCard('a', card('a', note))])]))
    const two = items.peer({ deviceId: 'dev-2', maxMsgSize: 4000, encoding: 'xml' })
    await open(two, 201, { next: '1' })
    let answer = await two.send(two.message([contactSync([])]))
    const parts: string[] = []
    while (!answer.final || parts.length === 0) {
      for (const c of answer.commands.flatMap((s) => (s.name === 'Sync' ? s.commands : []))) {
        const data = 'items' in c ? c.items[0]?.data : undefined
        if (data?.kind === 'text') parts.push(data.text)
      }
      if (!answer.final) answer = await two.send(two.message(answersTo(answer), { final: false }))
    }
    expect(parts.length).toBeGreaterThan(5)
    for (const part of parts.slice(0, -1)) expect(part).toMatch(/\S$/)
    for (const part of parts.slice(1)) expect(part).toMatch(/^\S/)
  })
})

describe('device information', () => {
  const devInf: DevInf = {
    verDtd: '1.2',
    devId: 'dev-1',
    devTyp: 'phone',
    supportLargeObjs: true,
    supportNumberOfChanges: true,
    dataStores: [
      {
        sourceRef: 'card',
        rxPref: { ctType: 'text/x-vcard', verCt: '2.1' },
        rx: [],
        tx: [],
        ctCaps: [],
        syncCap: [1, 2],
      },
    ],
  }
  const put: Command = {
    name: 'Put',
    cmdId: '',
    meta: { type: 'application/vnd.syncml-devinf+xml' },
    items: [{ source: { locUri: './devinf12' }, data: { kind: 'devInf', devInf } }],
  }
  const get: Command = { name: 'Get', cmdId: '', items: [{ target: { locUri: './devinf12' } }] }

  it('[OM-30] is asked for once, kept, and decides on the format', async () => {
    const one = items.peer({ deviceId: 'dev-2' })
    const asked = await open(one, 201, { next: '1' })
    expect(asked.commands.map((c) => c.name)).toContain('Get')
    await one.send(one.message([contactSync([addCard('a')])]))
    const told = items.peer()
    await open(told, 201, { next: '1' }, [put])
    const later = items.peer({ sessionId: '22' })
    later.nonce = told.nonce
    const opened = await open(later, 201, { next: '1' })
    expect(opened.commands.map((c) => c.name)).not.toContain('Get')
    const sent = await later.send(later.message([contactSync([])]))
    const sync = sent.commands.find((c) => c.name === 'Sync')
    expect(sync).toMatchObject({ numberOfChanges: 1, commands: [{ meta: { type: 'text/x-vcard' } }] })
  })

  it('[IT-9] a device of short names gets short ones, and its Maps are understood', async () => {
    const one = items.peer({ deviceId: 'dev-2' })
    await open(one, 201, { next: '1' })
    await one.send(one.message([contactSync([addCard('a'), addCard('b')])]))
    const phone = items.peer()
    const [store] = devInf.dataStores
    if (!store) throw new Error('there is a datastore')
    const short: DevInf = { ...devInf, dataStores: [{ ...store, maxGuidSize: 4 }] }
    await open(phone, 201, { next: '1' }, [
      { ...put, items: [{ source: { locUri: './devinf12' }, data: { kind: 'devInf', devInf: short } }] } as Command,
    ])
    const sent = await phone.send(phone.message([contactSync([])]))
    const ids = addedIds(sent)
    expect(ids).toEqual(['1', '2'])
    const map: Command = {
      name: 'Map',
      cmdId: '9',
      target: { locUri: './contacts' },
      source: { locUri: './card' },
      mapItems: ids.map((guid) => ({ target: { locUri: guid }, source: { locUri: `l${guid}` } })),
    }
    expect(codes(await phone.send(phone.message([...answersTo(sent, 201), map])))).toEqual(['Map:200'])
    const again = items.peer({ sessionId: '22' })
    again.nonce = phone.nonce
    await open(again, 200, { last: '1', next: '2' })
    const edit: Command = { ...addCard('l1', card('a', 'new')), name: 'Replace' } as Command
    const answer = await again.send(again.message([contactSync([edit])]))
    expect(codes(answer)).toEqual(['Sync:200', 'Replace:200'])
    expect(addedIds(answer)).toEqual([])
    expect(await items.contacts()).toHaveLength(2)
  })

  it('[OM-30] ours lists all that is there, and fits small messages', async () => {
    const sizes = [500_000, 10_240, 4000]
    const stores: number[] = []
    for (const maxMsgSize of sizes) {
      const peer = items.peer({ maxMsgSize, encoding: 'xml', deviceId: `dev-${maxMsgSize}` })
      let answer = await open(peer, 201, { next: '1' }, [get])
      while (!answer.commands.some((c) => c.name === 'Results'))
        answer = await peer.send(peer.message([], { final: false }))
      const results = answer.commands.find((c) => c.name === 'Results')
      const data = results?.name === 'Results' ? results.items[0]?.data : undefined
      if (data?.kind !== 'devInf') throw new Error('no device information came')
      stores.push(data.devInf.dataStores.length)
      expect(data.devInf.dataStores[0]?.sourceRef).toBe('./contacts')
    }
    expect(stores).toEqual([7, 1, 1])
  })
})
