/** A side that is suddenly empty; one-sided failures inside an Atomic; limits of one Item. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MAX_ITEM_BYTES } from '../../../schemas/limits.ts'
import type { ClientItemChange, SyncDatastore } from '../../../server/datastore/syncDatastore.ts'
import { refusesDeletes, refusesEmptying, refusesEmptyRefresh } from '../../../server/items/guard.ts'
import { type ItemBench, openItemBench } from '../../support/itemBench.ts'
import { ItemDevice, vcard } from '../../support/itemDevice.ts'

let bench: ItemBench
let contacts: SyncDatastore
let phone: ItemDevice
let tablet: ItemDevice

beforeEach(async () => {
  bench = await openItemBench()
  const found = bench.registry.find('./contacts')
  if (found === undefined) throw new Error('no contacts')
  contacts = found
  phone = new ItemDevice(contacts, 'phone', { batch: 100 })
  tablet = new ItemDevice(contacts, 'tablet', { batch: 100 })
})
afterEach(() => bench.close())

async function fill(count: number): Promise<void> {
  for (let i = 0; i < count; i++) phone.add(vcard(`P${i}`))
  await phone.sync()
  await tablet.sync()
}

const count = async (): Promise<number> => (await bench.query('SELECT id FROM contacts')).length

describe('the guard', () => {
  it('[IT-11] refuses to empty the store by Deletes, and sends the Items again', async () => {
    await fill(12)
    for (const luid of [...phone.items.keys()]) phone.remove(luid)
    const { statuses, received } = await phone.sync()
    expect(new Set(statuses)).toEqual(new Set([403]))
    expect(received).toHaveLength(12)
    expect(phone.contents()).toHaveLength(12)
    expect(await count()).toBe(12)
  })

  it('[IT-11] obeys once the owner allowed it, once', async () => {
    await fill(12)
    for (const luid of [...phone.items.keys()]) phone.remove(luid)
    await contacts.allowEmpty(phone.client, true)
    expect(new Set((await phone.sync()).statuses)).toEqual(new Set([200]))
    expect(await count()).toBe(0)
    for (let i = 0; i < 12; i++) phone.add(vcard(`Q${i}`))
    await phone.sync()
    for (const luid of [...phone.items.keys()]) phone.remove(luid)
    expect(new Set((await phone.sync()).statuses)).toEqual(new Set([403]))
  })

  it('[IT-11] lets go nine of ten, and any of fewer than ten', () => {
    expect(refusesDeletes({ itemsAtStart: 10, deletedBefore: 0, deletes: 9 })).toBe(false)
    expect(refusesDeletes({ itemsAtStart: 10, deletedBefore: 4, deletes: 6 })).toBe(true)
    expect(refusesDeletes({ itemsAtStart: 9, deletedBefore: 0, deletes: 9 })).toBe(false)
    expect([refusesEmptyRefresh(0, 9), refusesEmptyRefresh(0, 10), refusesEmptyRefresh(1, 10)]).toEqual([
      false,
      true,
      false,
    ])
    expect([refusesEmptying(0, 10), refusesEmptying(0, 9), refusesEmptying(1, 10)]).toEqual([true, false, false])
  })

  it('[IT-11] refuses a refresh that brings nothing, until it is allowed', async () => {
    await fill(12)
    const empty = new ItemDevice(contacts, 'empty')
    expect((await empty.sync(203)).closeStatus).toBe(403)
    expect(await count()).toBe(12)
    await contacts.allowEmpty(empty.client, true)
    expect((await empty.sync(203)).closeStatus).toBe(200)
    expect(await count()).toBe(0)
  })

  it('[IT-11] does not empty a device from a store that had Items', async () => {
    await fill(12)
    await contacts.allowEmpty(phone.client, true)
    for (const luid of [...phone.items.keys()]) phone.remove(luid)
    await phone.sync()
    expect((await tablet.sync(205)).decision).toEqual({ status: 403 })
    expect(tablet.contents()).toHaveLength(12)
    expect((await tablet.sync(201)).decision.status).toBe(200)
    expect(await count()).toBe(12)
  })
})

describe('one message', () => {
  const put = (luid: string, bytes: Uint8Array): ClientItemChange => ({
    kind: 'put',
    command: 'Add',
    luid,
    type: 'text/vcard',
    content: { kind: 'inline', bytes },
    fieldLevel: false,
  })
  const card = (name: string) => Buffer.from(vcard(name))

  async function open() {
    const decision = await contacts.decide(phone.client, { type: 201, next: 'n' })
    if (decision.status !== 200) throw new Error(`status ${decision.status}`)
    return decision.state
  }
  const apply = async (changes: readonly ClientItemChange[], atomic = false) =>
    (await contacts.apply(phone.client, await open(), changes, { atomic })).outcomes.map(({ status }) => status)

  it('[IT-7] an Atomic is done whole or not at all', async () => {
    expect(await apply([put('1', card('A')), put('2', Buffer.from('no card')), put('3', card('C'))], true)).toEqual([
      216, 415, 215,
    ])
    expect(await count()).toBe(0)
    expect(await apply([put('1', card('A')), put('3', card('C'))], true)).toEqual([201, 201])
    expect(await count()).toBe(2)
  })

  it('[IT-13] what its reader refuses is 415, and only that fails', async () => {
    const broken = [Buffer.from(''), Buffer.from('BEGIN:VCARD\r\nN:x'), Buffer.from('BEGIN:VEVENT\r\nEND:VEVENT\r\n')]
    const statuses = await apply([put('1', card('A')), ...broken.map((bytes, at) => put(`b${at}`, bytes))])
    expect(statuses).toEqual([201, 415, 415, 415])
    expect(await count()).toBe(1)
  })

  it('[IT-13] [IT-17] an Item beyond the limit is 416, also one that lies in the spool', async () => {
    const large = Buffer.alloc(MAX_ITEM_BYTES + 1, 0x20)
    expect(await apply([put('1', large)])).toEqual([416])
    await bench.spool.append('large', 0, large)
    const spooled = {
      ...put('2', large),
      content: { kind: 'spool', spoolId: 'large', sizeBytes: large.length },
    } as const
    expect(await apply([spooled])).toEqual([416])
    await bench.spool.append('small', 0, card('Spooled'))
    const small = { ...put('3', card('')), content: { kind: 'spool', spoolId: 'small', sizeBytes: 1 } } as const
    expect(await apply([small])).toEqual([201])
    expect(String((await bench.query('SELECT content FROM contacts'))[0]?.[0])).toBe(vcard('Spooled'))
  })

  it('[IT-17] losers are kept within their number', async () => {
    const state = await open()
    const names = Array.from({ length: 1050 }, (_, at) => String(at))
    await contacts.apply(
      phone.client,
      state,
      names.map((name) => put(name, card(name))),
    )
    const deletes = names.map((luid) => ({ kind: 'delete', luid, archive: true, soft: false }) as const)
    const { outcomes } = await contacts.apply(phone.client, state, deletes)
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set([200]))
    const [[kept] = []] = await bench.query('SELECT count(*) FROM _nightferry_sync_loser')
    expect(Number(kept)).toBe(1000)
  })
})
