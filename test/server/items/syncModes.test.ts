/** Every kind of sync at the port of Items, with two devices on a real encrypted copy. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SyncDatastore } from '../../../server/datastore/syncDatastore.ts'
import { type ItemBench, openItemBench } from '../../support/itemBench.ts'
import { ItemDevice, vcard } from '../../support/itemDevice.ts'

let bench: ItemBench
let contacts: SyncDatastore
let phone: ItemDevice
let tablet: ItemDevice

beforeEach(async () => {
  bench = await openItemBench()
  contacts = datastore('./contacts')
  phone = new ItemDevice(contacts, 'phone')
  tablet = new ItemDevice(contacts, 'tablet')
})
afterEach(() => bench.close())

function datastore(uri: string): SyncDatastore {
  const found = bench.registry.find(uri)
  if (found === undefined) throw new Error(`no datastore ${uri}`)
  return found
}

async function held(): Promise<string[]> {
  return (await bench.query('SELECT content FROM contacts')).map(([content]) => String(content)).sort()
}

describe('two-way', () => {
  it('[IT-3] a first sync is answered 508 and becomes a slow one', async () => {
    phone.add(vcard('Ada'))
    const { decision, statuses } = await phone.sync(200)
    expect(decision).toMatchObject({ status: 508, type: 201 })
    expect(statuses).toEqual([201])
    expect(await held()).toEqual([vcard('Ada')])
  })

  it('[IT-2] adds, edits and deletes of either side reach the other, and nothing is echoed', async () => {
    const luids = ['Ada', 'Bob', 'Cyd', 'Dot'].map((name) => phone.add(vcard(name)))
    await phone.sync()
    const first = await tablet.sync()
    expect(first.received.map(({ command }) => command)).toEqual(['Add', 'Add', 'Add', 'Add'])
    phone.edit(luids[0] ?? '', vcard('Ada', '2'))
    phone.remove(luids[1] ?? '')
    phone.add(vcard('Eve'))
    const second = await phone.sync()
    expect(second.statuses).toEqual([200, 200, 201])
    expect(second.received).toEqual([])
    const third = await tablet.sync()
    expect(third.decision).toMatchObject({ status: 200, type: 200 })
    expect(third.received.map(({ command }) => command).sort()).toEqual(['Add', 'Delete', 'Replace'])
    expect(tablet.contents()).toEqual(phone.contents())
    expect((await tablet.sync()).received).toEqual([])
    expect((await phone.sync()).received).toEqual([])
  })

  it('[IT-6] repeats do no harm', async () => {
    const luid = phone.add(vcard('Ada'))
    await phone.sync()
    const { decision } = { decision: await contacts.decide(phone.client, { type: 200, last: 'n1', next: 'n2' }) }
    if (decision.status !== 200) throw new Error(`status ${decision.status}`)
    const put = (command: 'Add' | 'Replace', name: string, id: string) =>
      ({
        kind: 'put',
        command,
        luid: id,
        type: 'text/vcard',
        content: { kind: 'inline', bytes: Buffer.from(vcard(name)) },
        fieldLevel: false,
      }) as const
    const { outcomes } = await contacts.apply(phone.client, decision.state, [
      put('Add', 'Ada', luid),
      put('Add', 'Ada2', luid),
      put('Replace', 'Ada2', luid),
      put('Replace', 'Bob', 'unknown'),
      { kind: 'delete', luid: 'nobody', archive: false, soft: false },
    ])
    expect(outcomes.map(({ status }) => status)).toEqual([418, 200, 200, 201, 211])
    expect(await held()).toEqual([vcard('Ada2'), vcard('Bob')].sort())
  })
})

describe('slow sync', () => {
  it('[IT-5] matches what is equal under whatever LUIDs, and doubles nothing', async () => {
    for (let i = 0; i < 40; i++) phone.add(vcard(`Person${i}`))
    await phone.sync()
    await tablet.sync()
    phone.reset()
    const { decision, statuses, received } = await phone.sync()
    expect(decision).toMatchObject({ status: 508, type: 201 })
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(received).toEqual([])
    expect(await held()).toHaveLength(40)
    expect((await tablet.sync()).received).toEqual([])
  })

  it('[IT-5] sends again what the device did not send, and takes a difference for a conflict', async () => {
    const [ada = ''] = ['Ada', 'Bob', 'Cyd'].map((name) => phone.add(vcard(name)))
    await phone.sync()
    await tablet.sync()
    phone.reset()
    const [first = '', second = ''] = phone.items.keys()
    expect(first).not.toBe(ada)
    phone.edit(first, vcard('Ada', '99'))
    phone.items.delete(second)
    const { statuses, received } = await phone.sync()
    expect([...statuses].sort()).toEqual([200, 208])
    expect(received.map(({ command, octets }) => [command, Buffer.from(octets).toString()])).toEqual([
      ['Add', vcard('Bob')],
    ])
    await tablet.sync()
    expect(tablet.contents()).toEqual(phone.contents())
    expect(tablet.contents()).toContain(vcard('Ada', '99'))
  })

  it('[IT-5] a LUID that a reset device gave anew does not overwrite whom it named before', async () => {
    phone.add(vcard('Ada'), '1')
    phone.add(vcard('Bob'), '2')
    await phone.sync()
    phone.items.clear()
    phone.add(vcard('Zoe'), '1')
    phone.add(vcard('Ada'), '2')
    await phone.sync(201)
    expect(await held()).toEqual([vcard('Ada'), vcard('Bob'), vcard('Zoe')].sort())
    expect(phone.contents()).toEqual([vcard('Ada'), vcard('Bob'), vcard('Zoe')].sort())
  })
})

describe('one way and refresh', () => {
  beforeEach(async () => {
    for (const name of ['Ada', 'Bob']) phone.add(vcard(name))
    await phone.sync()
    await tablet.sync()
    tablet.add(vcard('Tab'))
    await tablet.sync()
  })

  it('[IT-12] 202 takes changes and gives nothing', async () => {
    phone.add(vcard('Cyd'))
    const { statuses, received } = await phone.sync(202)
    expect(statuses).toEqual([201])
    expect(received).toEqual([])
    expect((await phone.sync()).received).toHaveLength(1)
  })

  it('[IT-12] 204 gives changes and takes none', async () => {
    phone.add(vcard('Cyd'))
    const decision = await contacts.decide(phone.client, { type: 204, last: 'n1', next: 'x' })
    if (decision.status !== 200) throw new Error(`status ${decision.status}`)
    const change = { kind: 'delete', luid: 'phone-1', archive: false, soft: false } as const
    expect((await contacts.apply(phone.client, decision.state, [change])).outcomes).toEqual([{ status: 403 }])
    expect((await contacts.close(phone.client, decision.state)).total).toBe(1)
  })

  it('[IT-12] 203 makes the store what the device has, sparing what others brought meanwhile', async () => {
    const other = new ItemDevice(contacts, 'other', {
      cut: (call, moment) => call === 'close' && moment === 'before',
    })
    other.add(vcard('Only'))
    await expect(other.sync(203)).rejects.toThrow()
    tablet.add(vcard('Late'))
    await tablet.sync()
    const again = new ItemDevice(contacts, 'other')
    again.add(vcard('Only'), 'other-1')
    const decision = await contacts.decide(again.client, { type: 'resume', next: 'n9' })
    if (decision.status !== 200) throw new Error(`status ${decision.status}`)
    await contacts.close(again.client, decision.state)
    expect(await held()).toEqual([vcard('Late'), vcard('Only')].sort())
  })

  it('[IT-12] 205 gives everything as Add', async () => {
    phone.add(vcard('Unsent'))
    const { received } = await phone.sync(205)
    expect(received.map(({ command }) => command)).toEqual(['Add', 'Add', 'Add'])
    expect(phone.contents()).toEqual(await held())
    expect((await phone.sync()).decision).toMatchObject({ status: 200 })
  })

  it('[IT-3] a one-way sync from a device whose anchor is lost deletes nothing', async () => {
    phone.reset()
    const { decision } = await phone.sync(202)
    expect(decision).toMatchObject({ status: 508, type: 203 })
    expect(await held()).toHaveLength(3)
  })
})

describe('a thousand', () => {
  it('[IT-5] equal Items under new LUIDs, in other words and other order, are matched one by one', async () => {
    const big = new ItemDevice(contacts, 'big', { batch: 125 })
    for (let i = 0; i < 1000; i++) big.add(vcard(`Person${i}`, String(i)))
    await big.sync()
    const other = new ItemDevice(contacts, 'other', { batch: 125 })
    for (let i = 999; i >= 0; i--) {
      const lines = vcard(`Person${i}`, String(i)).split('\r\n')
      const [begin = '', version = '', n = '', fn = '', tel = '', end = ''] = lines
      other.add([begin, version, 'PRODID:-//Other//', tel, fn, n, 'REV:20240101T000000Z', end, ''].join('\r\n'))
    }
    const { statuses, received } = await other.sync()
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(received).toEqual([])
    expect(await held()).toHaveLength(1000)
    expect((await big.sync()).received).toEqual([])
  })
})
