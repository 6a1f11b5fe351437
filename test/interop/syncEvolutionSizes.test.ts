/**
 * SyncEvolution against our server: many contacts with photos, small messages, an object in chunks in both directions,
 * and a calendar.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { differences } from '../support/heldItems.ts'
import {
  type SyncEvolutionClient,
  SyncEvolutionLab,
  type SyncEvolutionMode,
  syncEvolutionMissing,
} from '../support/syncEvolution.ts'

const missing = syncEvolutionMissing()
const nothing = { a: [], b: [] }

let lab: SyncEvolutionLab

async function expectEqual(client: SyncEvolutionClient, mode: SyncEvolutionMode = 'two-way'): Promise<void> {
  const result = await client.sync(mode)
  expect(result.text).toMatch(/RESULT exit=0 status=200/)
  expect(differences('contact', client.items(), await lab.serverItems('contacts'))).toEqual(nothing)
}

describe.skipIf(missing !== '')(`SyncEvolution and sizes ${missing}`, () => {
  beforeAll(async () => {
    lab = await SyncEvolutionLab.open()
  })
  afterAll(() => lab?.close())

  it('[OM-28] 1, 100 and 1000 contacts with photos, there and back', async () => {
    const one = lab.client('one')
    for (const [start, count] of [
      [1, 1],
      [2, 99],
      [101, 900],
    ] as const) {
      one.generate('make', '--start', start, '--count', count, '--photo-every', 20)
      await expectEqual(one)
    }
    const two = lab.client('two')
    await expectEqual(two, 'slow')
    expect(two.items()).toHaveLength(1000)
    expect(await two.sync('slow')).toMatchObject({ exit: 0, local: [0, 0, 0], remote: [0, 0, 0] })
    expect(await lab.serverItems('contacts')).toHaveLength(1000)
  }, 60_000)

  it.each([
    ['XML', '0'],
    ['WBXML', '1'],
  ])(
    '[OM-6] [OM-7] small messages in %s, and a photo of 300 KB in chunks both ways',
    async (name, wbxml) => {
      lab = await freshLab(lab)
      const environment = { WBXML: wbxml, MAXMSGSIZE: '10240' }
      const one = lab.client(`small-one-${name}`, environment)
      one.generate('make', '--count', 12, '--photo-every', 4, '--photo-bytes', 9000)
      one.generate('make', '--start', 100, '--count', 1, '--photo-every', 1, '--photo-bytes', 300_000)
      await expectEqual(one, 'slow')
      const two = lab.client(`small-two-${name}`, environment)
      await expectEqual(two, 'slow')
      expect(two.items()).toHaveLength(13)
      expect(await one.sync('two-way')).toMatchObject({ exit: 0, local: [0, 0, 0], remote: [0, 0, 0] })
    },
    60_000,
  )

  it('[IT-1] a calendar', async () => {
    lab = await freshLab(lab)
    const [one, two] = ['calendar-one', 'calendar-two'].map((name) => lab.client(name))
    if (!one || !two) throw new Error('there are two clients')
    one.generateEvents('make', '--kind', 'event', '--count', 30)
    const sync = async (client: SyncEvolutionClient): Promise<void> => {
      const result = await client.sync('two-way', { CAL_DIR: client.eventFolder })
      expect(result.text).toMatch(/RESULT exit=0 status=200/)
      expect(differences('event', client.events(), await lab.serverItems('calendar'))).toEqual(nothing)
    }
    await sync(one)
    await sync(two)
    two.generateEvents('change', '--kind', 'event', '--add', 2, '--delete', 1)
    await sync(two)
    await sync(one)
    expect(one.events()).toHaveLength(31)
    expect(differences('event', one.events(), two.events())).toEqual(nothing)
  }, 60_000)
})

async function freshLab(before: SyncEvolutionLab): Promise<SyncEvolutionLab> {
  await before.close()
  return SyncEvolutionLab.open()
}
