/** What becomes of an Item that two devices changed, under each policy; and the pure decision for every case. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ItemConflictPolicy, SyncDatastore } from '../../../server/datastore/syncDatastore.ts'
import { chooseMatch } from '../../../server/items/chooseMatch.ts'
import { chooseEditTime, deleteStatus, putStatus, settleDelete, settlePut } from '../../../server/items/settleChange.ts'
import { type ItemBench, openItemBench } from '../../support/itemBench.ts'
import { ItemDevice, vcard } from '../../support/itemDevice.ts'

let bench: ItemBench
let phone: ItemDevice
let tablet: ItemDevice

beforeEach(async () => {
  bench = await openItemBench()
  const contacts: SyncDatastore | undefined = bench.registry.find('./contacts')
  if (contacts === undefined) throw new Error('no contacts')
  phone = new ItemDevice(contacts, 'phone')
  tablet = new ItemDevice(contacts, 'tablet')
  for (const name of ['Ada', 'Bob']) phone.add(vcard(name))
  await phone.sync()
  await tablet.sync()
})
afterEach(() => bench.close())

function luidOf(device: ItemDevice, name: string): string {
  const found = [...device.items].find(([, { content }]) => content.includes(`N:${name};`))
  if (found === undefined) throw new Error(`no ${name}`)
  return found[0]
}

async function settleAll(): Promise<string[]> {
  for (let round = 0; round < 2; round++) for (const device of [phone, tablet]) await device.sync()
  expect(phone.contents()).toEqual(tablet.contents())
  return phone.contents()
}

const losers = () =>
  bench
    .query('SELECT reason, device, content FROM _nightferry_sync_loser ORDER BY loser')
    .then((rows) => rows.map((row) => row.map(String)))

async function bothEdit(policy: ItemConflictPolicy): Promise<readonly number[]> {
  bench.policy.current = policy
  tablet.edit(luidOf(tablet, 'Ada'), vcard('Ada', 'tablet'))
  phone.edit(luidOf(phone, 'Ada'), vcard('Ada', 'phone'))
  await tablet.sync()
  return (await phone.sync()).statuses
}

describe('both changed', () => {
  it('[IT-4] client-wins: 208, and the loser is kept', async () => {
    expect(await bothEdit('client-wins')).toEqual([208])
    expect(await settleAll()).toEqual([vcard('Ada', 'phone'), vcard('Bob')].sort())
    expect(await losers()).toEqual([['client-wins', 'phone', vcard('Ada', 'tablet')]])
  })

  it('[IT-4] server-wins: 419, and the device gets the other one', async () => {
    expect(await bothEdit('server-wins')).toEqual([419])
    expect(await settleAll()).toEqual([vcard('Ada', 'tablet'), vcard('Bob')].sort())
    expect(await losers()).toEqual([['server-wins', 'phone', vcard('Ada', 'phone')]])
  })

  it('[IT-4] newest-wins: by receive time', async () => {
    expect(await bothEdit('newest-wins')).toEqual([208])
    expect(await settleAll()).toEqual([vcard('Ada', 'phone'), vcard('Bob')].sort())
  })

  it('[IT-4] newest-wins: a REV since the last sync counts', async () => {
    bench.policy.current = 'newest-wins'
    const rev = (ms: number) => `REV:${new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '')}`
    const withRev = (tel: string, ms: number) => vcard('Ada', tel).replace('END:', `${rev(ms)}\r\nEND:`)
    const earlier = bench.clock.now + 2000
    bench.clock.now += 10_000
    tablet.edit(luidOf(tablet, 'Ada'), withRev('tablet', bench.clock.now - 1000))
    await tablet.sync()
    phone.edit(luidOf(phone, 'Ada'), withRev('phone', earlier))
    expect((await phone.sync()).statuses).toEqual([419])
  })

  it('[IT-4] duplicate: 209, and both stay', async () => {
    expect(await bothEdit('duplicate')).toEqual([209])
    expect(await settleAll()).toEqual([vcard('Ada', 'phone'), vcard('Ada', 'tablet'), vcard('Bob')].sort())
  })

  it('[IT-4] to the same content is no conflict', async () => {
    for (const device of [tablet, phone]) device.edit(luidOf(device, 'Ada'), vcard('Ada', 'same'))
    await tablet.sync()
    expect((await phone.sync()).statuses).toEqual([200])
    expect(await losers()).toEqual([])
  })
})

describe('one deleted', () => {
  it.each(['client-wins', 'server-wins'] as const)('[IT-4] change beats delete under %s', async (policy) => {
    bench.policy.current = policy
    tablet.edit(luidOf(tablet, 'Ada'), vcard('Ada', 'new'))
    phone.remove(luidOf(phone, 'Ada'))
    await tablet.sync()
    const { statuses, received } = await phone.sync()
    expect(statuses).toEqual([419])
    expect(received.map(({ command }) => command)).toEqual(['Add'])
    tablet.remove(luidOf(tablet, 'Bob'))
    phone.edit(luidOf(phone, 'Bob'), vcard('Bob', 'new'))
    await tablet.sync()
    expect((await phone.sync()).statuses).toEqual([208])
    expect(await settleAll()).toEqual([vcard('Ada', 'new'), vcard('Bob', 'new')].sort())
  })

  it('[IT-4] both deleted is 211', async () => {
    for (const device of [tablet, phone]) device.remove(luidOf(device, 'Ada'))
    await tablet.sync()
    expect((await phone.sync()).statuses).toEqual([211])
    expect(await settleAll()).toEqual([vcard('Bob')])
  })
})

describe('the decision', () => {
  const held = { changed: 7, editedAt: 500 }
  const put = { policy: 'client-wins', held, hadVersion: 7, equal: false, slow: false, editedAt: 600 } as const

  it('[IT-4] is made of versions alone', () => {
    expect(settlePut(put)).toBe('replace')
    expect(settlePut({ ...put, hadVersion: 6 })).toBe('client-wins')
    expect(settlePut({ ...put, hadVersion: 6, equal: true })).toBe('unchanged')
    expect(settlePut({ ...put, slow: true })).toBe('client-wins')
    expect(settlePut({ ...put, held: undefined })).toBe('create')
    expect(settlePut({ ...put, policy: 'newest-wins', hadVersion: 6, editedAt: 499 })).toBe('server-wins')
    expect(settleDelete(held, 7)).toBe('remove')
    expect(settleDelete(held, 6)).toBe('keep')
    expect(settleDelete(undefined, 6)).toBe('gone')
    expect(['remove', 'keep', 'gone'].map((what) => deleteStatus(what as 'gone'))).toEqual([200, 419, 211])
    expect(putStatus('unchanged', 'Add', true)).toBe(418)
    expect(putStatus('unchanged', 'Add', false)).toBe(200)
  })

  it('[IT-4] a time that cannot be that of the change does not count', () => {
    expect(chooseEditTime(undefined, 10, 20)).toBe(20)
    expect(chooseEditTime(5, 10, 20)).toBe(20)
    expect(chooseEditTime(25, 10, 20)).toBe(20)
    expect(chooseEditTime(15, 10, 20)).toBe(15)
  })

  it('[IT-5] the same content is taken before the same key, an unnamed Item before a named one', () => {
    const of = (id: string, same: boolean, named: boolean) => ({ id, same, named })
    expect(chooseMatch([])).toBeUndefined()
    const all = [of('d', false, true), of('c', false, false), of('b', true, true), of('a', true, false)]
    expect(all.map((_, at) => chooseMatch(all.slice(0, at + 1))?.id)).toEqual(['d', 'c', 'b', 'a'])
  })
})
