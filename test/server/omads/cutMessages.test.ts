/**
 * Sessions of a phone that break at every message, in either direction, whatever they carry: the next one goes on, both
 * sides are equal, nothing is there twice, and there is no slow sync where one can go on.
 */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { card, type ItemServer, openItemServer } from '../../support/itemPeer.ts'
import { type Fault, PhoneCut, SyncmlPhone } from '../../support/syncmlPhone.ts'

const MAX_MSG_SIZE = 4000
const LIMIT_MS = 240_000
/** A card in a few chunks. */
const large = (name: string): string => card(name, 'x'.repeat(9000))

let items: ItemServer
let phone: SyncmlPhone
let tablet: SyncmlPhone

beforeEach(async () => {
  items = await openItemServer()
  phone = new SyncmlPhone(items, 'phone', MAX_MSG_SIZE)
  tablet = new SyncmlPhone(items, 'tablet', 200_000)
})
afterEach(() => items.close())

/** Adds, updates and deletes, small and in chunks. */
function changeMuch(device: SyncmlPhone, round: number): void {
  const [first = '', second = '', ...others] = [...device.items.keys()]
  device.edit(first, card(`first-${round}`))
  device.edit(second, large(`second-${round}`))
  if (others.length > 8) for (const luid of others.slice(0, 4)) device.remove(luid)
  for (const part of ['a', 'b', 'c']) device.add(card(`${part}-${round}`, 'y'.repeat(500)))
  device.add(large(`large-${round}`))
}

/** The phone's next session breaks so; the one after it makes all good. */
async function breakOnce(code: 200 | 201, fault: Fault, at: number): Promise<void> {
  const when = `${fault} at ${at}`
  const cut = (message: number): Fault | undefined => (message === at ? fault : undefined)
  const broken = await phone.sync(code, cut).then(
    () => false,
    (cause: unknown) => {
      if (!(cause instanceof PhoneCut)) throw cause
      return true
    },
  )
  expect(broken, when).toBe(fault !== 'resend')
  const next = await phone.sync(200)
  // Only of a first sync that the phone never saw an answer of nothing is left to go on with.
  if (code === 200 || at > 1) expect(next, when).toMatchObject({ status: 200 })
  if (code === 200) expect(next, when).toMatchObject({ type: '200' })
  await expectEqual(when)
}

async function expectEqual(when: string): Promise<void> {
  const stored = (await items.contacts()).sort()
  expect(phone.contents(), when).toEqual(stored)
  expect(new Set(stored).size, when).toBe(stored.length)
  expect(await items.bench.spool.list(), when).toEqual([])
  expect(items.server.errors, when).toEqual([])
}

const FAULTS: readonly Fault[] = ['lose-message', 'lose-answer', 'resend']

describe('[OM-31] [IT-8] sessions that break at every message', () => {
  const directions = ['up', 'down', 'both'] as const

  async function change(direction: (typeof directions)[number], round: number): Promise<void> {
    if (direction !== 'down') changeMuch(phone, round)
    if (direction === 'up') return
    await tablet.sync(200)
    const mine = [...tablet.items].filter(([, { content }]) => /N:(t|seed)/.test(content))
    for (const [luid] of mine.slice(0, 2)) tablet.edit(luid, large(`t-${round}-${luid}`))
    for (const [luid] of mine.slice(4, 8)) tablet.remove(luid)
    for (const part of ['t', 'ta', 'tb']) tablet.add(card(`${part}-new-${round}`, 'z'.repeat(700)))
    tablet.add(large(`t-large-${round}`))
    await tablet.sync(200)
  }

  it.for(directions)('changes of every kind, %s', { timeout: LIMIT_MS }, async (direction, { annotate }) => {
    for (let n = 0; n < 6; n++) tablet.add(card(`seed-${n}`))
    await tablet.sync(201)
    await phone.sync(201)
    let round = 0
    await change(direction, ++round)
    const { messages } = await phone.sync(200)
    await expectEqual('undisturbed')
    expect(messages).toBeGreaterThan(5)
    for (const fault of FAULTS) {
      for (let at = 1; at <= messages; at++) {
        await change(direction, ++round)
        await breakOnce(200, fault, at)
      }
    }
    await annotate(`${messages} messages, ${FAULTS.length * messages} faults`)
  })

  it.for(['up', 'down'] as const)('first syncs, %s', { timeout: LIMIT_MS }, async (direction, { annotate }) => {
    const fill = (device: SyncmlPhone): void => {
      for (let n = 0; n < 4; n++) device.add(card(`few-${n}`, 'y'.repeat(800)))
      device.add(large('large'))
    }
    if (direction === 'down') {
      fill(tablet)
      await tablet.sync(201)
    }
    const begin = async (name: string): Promise<void> => {
      phone = new SyncmlPhone(items, name, MAX_MSG_SIZE)
      if (direction === 'down') return
      await items.close()
      items = await openItemServer()
      phone = new SyncmlPhone(items, name, MAX_MSG_SIZE)
      fill(phone)
    }
    await begin('calm')
    const { messages } = await phone.sync(201)
    await expectEqual('undisturbed')
    for (const fault of FAULTS) {
      for (let at = 1; at <= messages; at++) {
        await begin(`${fault}-${at}`)
        await breakOnce(201, fault, at)
      }
    }
    await annotate(`${messages} messages, ${FAULTS.length * messages} faults`)
  })
})
