/** Sessions that break: after every call of the port, on either side of it, and at random over many sessions. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SyncDatastore } from '../../../server/datastore/syncDatastore.ts'
import { type ItemBench, openItemBench } from '../../support/itemBench.ts'
import { Cut, ItemDevice, vcard } from '../../support/itemDevice.ts'
import { RandomSource } from './randomSource.ts'

let bench: ItemBench
let contacts: SyncDatastore

beforeEach(async () => {
  bench = await openItemBench()
  const found = bench.registry.find('./contacts')
  if (found === undefined) throw new Error('no contacts')
  contacts = found
})
afterEach(() => bench.close())

async function held(accountId?: string): Promise<string[]> {
  return (await bench.query('SELECT content FROM contacts', accountId)).map(([content]) => String(content)).sort()
}

/** Two devices that agree, then changes on both; the session of `phone` breaks at its `cutAt`-th moment. */
async function breakOnce(
  round: string,
  cutAt: number,
  type: 200 | 201,
  resumes: boolean,
): Promise<{ broke: boolean; slow: boolean }> {
  let moments = 0
  const client = { accountId: `account-${round}` }
  const phone = new ItemDevice(contacts, 'phone', { batch: 2, client, resumes, cut: () => ++moments === cutAt })
  const tablet = new ItemDevice(contacts, 'tablet', { client })
  const luids = ['Ada', 'Bob', 'Cyd', 'Dot'].map((name) => phone.add(vcard(name)))
  if (type === 200) {
    moments = Number.NEGATIVE_INFINITY
    await phone.sync()
    moments = 0
  }
  await tablet.sync()
  phone.edit(luids[0] ?? '', vcard('Ada', '2'))
  phone.add(vcard('Eve'))
  if (type === 200) phone.remove(luids[1] ?? '')
  for (const name of ['Tim', 'Uma', 'Val']) tablet.add(vcard(name))
  const cyd = [...tablet.items].find(([, { content }]) => content === vcard('Cyd'))?.[0]
  if (cyd !== undefined) tablet.edit(cyd, vcard('Cyd', '3'))
  await tablet.sync()
  const broke = await phone.sync(type).then(
    () => false,
    (cause: unknown) => {
      if (!(cause instanceof Cut)) throw cause
      return true
    },
  )
  moments = Number.NEGATIVE_INFINITY
  const again = await phone.sync()
  await tablet.sync()
  const stored = await held(client.accountId)
  expect(phone.contents(), `cut at ${cutAt}`).toEqual(stored)
  expect(tablet.contents(), `cut at ${cutAt}`).toEqual(stored)
  expect((await phone.sync()).received).toEqual([])
  expect((await tablet.sync()).received).toEqual([])
  expect(new Set(stored).size).toBe(stored.length)
  return { broke, slow: again.decision.status === 508 }
}

describe('a session that breaks', () => {
  it.each([
    ['two-way', 200, true],
    ['slow', 201, true],
    ['two-way sync of a phone that cannot resume', 200, false],
  ] as const)('[IT-8] [IT-9] at every moment of a %s is made good by the next one', async (_, type, resumes) => {
    let broken = 0
    for (let cutAt = 1; cutAt < 100; cutAt++) {
      const { broke, slow } = await breakOnce(`${type}${resumes}${cutAt}`, cutAt, type, resumes)
      if (!broke) break
      broken++
      // Before the server heard of the device at all there is nothing to go on with.
      if (type === 200) expect(slow, `slow sync after a cut at ${cutAt}`).toBe(false)
    }
    expect(broken).toBeGreaterThan(15)
  })

  it('[IT-9] Maps that are lost for good cost neither the Item nor a copy of it', async () => {
    const phone = new ItemDevice(contacts, 'phone')
    phone.add(vcard('Ada'))
    await phone.sync()
    let cut = false
    const tablet = new ItemDevice(contacts, 'tablet', {
      cut: (call, moment) => cut && call === 'map' && moment === 'before',
    })
    cut = true
    await expect(tablet.sync()).rejects.toThrow(Cut)
    cut = false
    tablet.loseMaps()
    await tablet.sync()
    expect(tablet.contents()).toEqual([vcard('Ada')])
    const [luid = ''] = tablet.items.keys()
    tablet.edit(luid, vcard('Ada', '7'))
    await tablet.sync()
    await phone.sync()
    expect(await held()).toEqual([vcard('Ada', '7')])
    expect(phone.contents()).toEqual(await held())
  })

  it('[IT-3] goes on although the clock of its anchors stood still', async () => {
    let cut = false
    let second = 1
    const phone = new ItemDevice(contacts, 'phone', {
      anchor: () => `20261121T0000${second}Z`,
      cut: (call, moment) => cut && call === 'finish' && moment === 'after',
    })
    const luid = phone.add(vcard('Ada'))
    await phone.sync()
    for (const tel of ['2', '3']) {
      phone.edit(luid, vcard('Ada', tel))
      await phone.sync()
      cut = true
      phone.edit(luid, vcard('Ada', `${tel}0`))
      await expect(phone.sync()).rejects.toThrow(Cut)
      cut = false
      second++
      expect((await phone.sync()).decision).toMatchObject({ status: 200, type: 200 })
      expect(await held()).toEqual(phone.contents())
    }
  })

  it('[IT-8] is not gone on with after fourteen days, nor by another kind of sync', async () => {
    let cut = true
    const phone = new ItemDevice(contacts, 'phone', { cut: (call) => cut && call === 'close' })
    phone.add(vcard('Ada'))
    await expect(phone.sync()).rejects.toThrow(Cut)
    cut = false
    bench.clock.now += 15 * 24 * 3_600_000
    expect((await phone.sync()).decision).toMatchObject({ status: 508, type: 201 })
    expect(await held()).toEqual([vcard('Ada')])
  })

  it('[IT-7] [IT-16] a session that was overtaken by another of the same device changes nothing any more', async () => {
    const client = new ItemDevice(contacts, 'phone').client
    const old = await contacts.decide(client, { type: 201, next: '1' })
    const now = await contacts.decide(client, { type: 201, next: '2' })
    if (old.status !== 200 || now.status !== 200) throw new Error('refused')
    const remove = { kind: 'delete', luid: 'x', archive: false, soft: false } as const
    await expect(contacts.apply(client, old.state, [remove])).rejects.toMatchObject({ code: 'session.busy' })
    expect((await contacts.apply(client, now.state, [remove])).outcomes).toEqual([{ status: 211 }])
  })
})

const SEEDS = Number(process.env.NIGHTFERRY_ITEM_SEEDS ?? 6)

describe('random lives', () => {
  it.each(Array.from({ length: SEEDS }, (_, seed) => seed + 1))(
    '[IT-2] [IT-7] seed %i: edits on three devices with random cuts end equal everywhere, nothing acknowledged is lost',
    async (seed) => {
      const random = new RandomSource(seed)
      let calm = false
      const cut = (): boolean => !calm && random.chance(0.06)
      const devices = ['a', 'b', 'c'].map(
        (name) => new ItemDevice(contacts, name, { batch: 1 + random.below(4), cut, resumes: name !== 'c' }),
      )
      const removed = new Set<string>()
      let names = 0
      for (let turn = 0; turn < 40; turn++) {
        const device = random.pick(devices)
        for (let change = random.below(4); change > 0; change--) {
          const luids = [...device.items.keys()]
          const what = luids.length === 0 ? 0 : random.below(5)
          if (what <= 1) device.add(vcard(`P${++names}`))
          else if (what <= 3) {
            const luid = random.pick(luids)
            const name = nameOf(device.items.get(luid)?.content ?? '')
            device.edit(luid, vcard(name, String(1000 + turn)))
          } else {
            const luid = random.pick(luids)
            removed.add(nameOf(device.items.get(luid)?.content ?? ''))
            device.remove(luid)
          }
        }
        // At times all are in a session at once: what one changes the others were just promised.
        const busy = random.chance(0.25) ? devices : [device]
        const type = random.chance(0.05) ? 201 : 200
        await Promise.all(
          busy.map((one) =>
            one.sync(type).catch((cause: unknown) => {
              if (!(cause instanceof Cut)) throw cause
            }),
          ),
        )
      }
      calm = true
      for (let round = 0; round < 3; round++) for (const device of devices) await device.sync()
      const stored = await held()
      for (const device of devices) expect(device.contents()).toEqual(stored)
      expect(new Set(stored.map(nameOf)).size).toBe(stored.length)
      const present = new Set(stored.map(nameOf))
      for (const device of devices)
        for (const { content } of device.acknowledged)
          if (!removed.has(nameOf(content))) expect(present.has(nameOf(content)), nameOf(content)).toBe(true)
      for (const device of devices) expect((await device.sync()).received).toEqual([])
    },
  )
})

function nameOf(content: string): string {
  return /\nN:([^;]*)/.exec(content)?.[1] ?? ''
}
