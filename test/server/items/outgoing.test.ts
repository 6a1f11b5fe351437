/** What waits for a device: promised octets, answers of every kind, soft deletes, a device that was set back. */

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

describe('what waits for a device', () => {
  it('[IT-2] [IT-9] stays as it was promised, whoever changes it meanwhile; the change comes next', async () => {
    const [ada = '', bob = ''] = ['Ada', 'Bob'].map((name) => phone.add(vcard(name)))
    await phone.sync()
    const decision = await contacts.decide(tablet.client, { type: 201, next: 't1' })
    if (decision.status !== 200) throw new Error(`status ${decision.status}`)
    const { state } = decision
    expect((await contacts.close(tablet.client, state)).total).toBe(2)
    const read = () => contacts.page(tablet.client, state, 0, { count: 9, maxBytes: 1e6 })
    const first = await read()
    phone.edit(ada, vcard('Ada', '2'))
    phone.remove(bob)
    await phone.sync()
    expect(await read()).toEqual(first)
    expect((await contacts.page(tablet.client, state, 1, { count: 1, maxBytes: 1 })).map(({ id }) => id)).toEqual([
      first[1]?.id,
    ])
    await contacts.acknowledge(
      tablet.client,
      state,
      first.map(({ id }) => ({ command: 'Add', id, status: 201 })),
    )
    const pairs = first.map(({ id }, at) => ({ guid: id, luid: `t${at}` }))
    expect(await contacts.map(tablet.client, [...pairs, { guid: 'never', luid: 'x' }])).toEqual([
      { status: 200 },
      { status: 200 },
      { status: 404 },
    ])
    await contacts.finish(tablet.client, state)
    const next = await contacts.decide(tablet.client, { type: 200, last: 't1', next: 't2' })
    if (next.status !== 200) throw new Error(`status ${next.status}`)
    await contacts.close(tablet.client, next.state)
    const items = await contacts.page(tablet.client, next.state, 0, { count: 9, maxBytes: 1e6 })
    expect(items.map(({ command, id }) => [command, id]).sort()).toEqual([
      ['Delete', 't1'],
      ['Replace', 't0'],
    ])
  })

  it('[IT-3] of the last session goes again to a device that stands before its end', async () => {
    const ada = phone.add(vcard('Ada'))
    phone.add(vcard('Bob'))
    await phone.sync()
    await tablet.sync()
    await tablet.sync()
    phone.edit(ada, vcard('Ada', '2'))
    await phone.sync()
    expect((await tablet.sync()).received.map(({ command }) => command)).toEqual(['Replace'])
    // The tablet's sessions ended with n1, n2, n3; it was set back to after the second.
    const decision = await contacts.decide(tablet.client, { type: 200, last: 'n2', next: 'n4' })
    if (decision.status !== 200) throw new Error(`status ${decision.status}`)
    expect(decision).toMatchObject({ last: 'n2', type: 200 })
    const { total } = await contacts.close(tablet.client, decision.state)
    const items = await contacts.page(tablet.client, decision.state, 0, { count: 9, maxBytes: 1e6 })
    expect([total, items.map(({ octets }) => Buffer.from(octets).toString())]).toEqual([1, [vcard('Ada', '2')]])
  })

  it('[IT-4] is not what it deleted softly, until that changes; archived it is kept apart', async () => {
    const [ada = '', bob = ''] = ['Ada', 'Bob'].map((name) => phone.add(vcard(name)))
    await phone.sync()
    await tablet.sync()
    const decision = await contacts.decide(phone.client, { type: 200, last: 'n1', next: 'n2' })
    if (decision.status !== 200) throw new Error(`status ${decision.status}`)
    const { outcomes } = await contacts.apply(phone.client, decision.state, [
      { kind: 'delete', luid: ada, archive: false, soft: true },
      { kind: 'delete', luid: bob, archive: true, soft: false },
    ])
    expect(outcomes).toEqual([{ status: 200 }, { status: 200 }])
    expect((await contacts.close(phone.client, decision.state)).total).toBe(0)
    await contacts.finish(phone.client, decision.state)
    expect(await held()).toEqual([vcard('Ada')])
    expect(await bench.query('SELECT reason, content FROM _nightferry_sync_loser')).toEqual([
      ['archived', vcard('Bob')],
    ])
    const [luid = ''] = tablet.items.keys()
    await tablet.sync()
    tablet.edit(luid, vcard('Ada', '3'))
    await tablet.sync()
    const next = await contacts.decide(phone.client, { type: 200, last: 'n2', next: 'n3' })
    if (next.status !== 200) throw new Error(`status ${next.status}`)
    expect((await contacts.close(phone.client, next.state)).total).toBe(1)
  })

  it('[IT-9] comes again after 420, as new after 404, and no more after 415 until it changes', async () => {
    const luids = ['Ada', 'Bob', 'Cyd'].map((name) => phone.add(vcard(name)))
    await phone.sync()
    const session = async (last: string | undefined, next: string, statuses: readonly number[]) => {
      const type = last === undefined ? 201 : 200
      const decision = await contacts.decide(tablet.client, { type, next, ...(last !== undefined && { last }) })
      if (decision.status !== 200) throw new Error(`status ${decision.status}`)
      await contacts.close(tablet.client, decision.state)
      const items = await contacts.page(tablet.client, decision.state, 0, { count: 9, maxBytes: 1e6 })
      const answers = items.map(({ command, id }, at) => ({ command, id, status: statuses[at] ?? 200 }))
      await contacts.acknowledge(tablet.client, decision.state, answers)
      const taken = answers.filter(({ command, status }) => command === 'Add' && status === 200)
      await contacts.map(
        tablet.client,
        taken.map(({ id }) => ({ guid: id, luid: `t-${id}` })),
      )
      await contacts.finish(tablet.client, decision.state)
      return items.map(
        ({ command, octets }) => `${command} ${/FN:Test (\w+)/.exec(Buffer.from(octets).toString())?.[1]}`,
      )
    }
    expect(await session(undefined, '1', [420, 415, 200])).toEqual(['Add Ada', 'Add Bob', 'Add Cyd'])
    expect(await session('1', '2', [])).toEqual(['Add Ada'])
    for (const luid of luids) phone.edit(luid, (phone.items.get(luid)?.content ?? '').replace('TEL:1', 'TEL:2'))
    await phone.sync()
    expect(await session('2', '3', [404])).toEqual(['Replace Ada', 'Add Bob', 'Replace Cyd'])
    expect(await session('3', '4', [])).toEqual(['Add Ada'])
    expect(await session('4', '5', [])).toEqual([])
  })
})
