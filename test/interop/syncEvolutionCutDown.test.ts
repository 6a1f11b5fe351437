/** SyncEvolution whose connection is cut while it receives, objects in chunks among the rest, and suspended by its user. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { differences } from '../support/heldItems.ts'
import { type SyncEvolutionClient, SyncEvolutionLab, syncEvolutionMissing } from '../support/syncEvolution.ts'
import {
  CUTS_LIMIT_MS,
  changeLarge,
  changeSome,
  cutSessions,
  makeFew,
  makeMany,
  SMALL_MESSAGES,
} from './syncEvolutionCuts.ts'

const missing = syncEvolutionMissing()

describe.skipIf(missing !== '')(`[OM-31] SyncEvolution, cut while it receives ${missing}`, () => {
  let few: SyncEvolutionLab
  let maker: SyncEvolutionClient
  let lab: SyncEvolutionLab
  let sender: SyncEvolutionClient
  let receiver: SyncEvolutionClient
  let clients = 0
  let round = 0

  const newClient = (): SyncEvolutionClient => few.client(`down-${++clients}`, SMALL_MESSAGES)

  beforeAll(async () => {
    few = await SyncEvolutionLab.open()
    maker = few.client('maker')
    makeFew(maker)
    lab = await SyncEvolutionLab.join(few.server)
    sender = lab.client('sender')
    makeMany(sender)
    receiver = lab.client('receiver', SMALL_MESSAGES)
    for (const client of [maker, sender, receiver]) expect(await client.sync('slow')).toMatchObject({ exit: 0 })
  })
  afterAll(async () => {
    await lab?.close()
    await few?.close()
  })

  it('its first contacts', { timeout: CUTS_LIMIT_MS }, async ({ annotate }) => {
    const expected = maker.items()
    const done = await cutSessions(async () => ({ lab: few, client: newClient(), mode: 'slow', expected }))
    await annotate(done)
  })

  it.for([
    ['adds, updates and deletes', changeSome],
    ['a photo of 300 KB', changeLarge],
  ] as const)('%s', { timeout: CUTS_LIMIT_MS }, async ([, change], { annotate }) => {
    const done = await cutSessions(async () => {
      change(sender, ++round)
      expect(await sender.sync('two-way')).toMatchObject({ exit: 0, mode: 'two-way' })
      return { lab, client: receiver, mode: 'two-way', expected: sender.items() }
    })
    await annotate(done)
  })

  it('suspended by its user', async () => {
    const client = newClient()
    const suspended = await client.cutSync('slow', { fault: 'signal-after', at: 3 })
    expect(suspended.text).toMatch(/status=20032/)
    const next = await client.sync('two-way')
    expect(next).toMatchObject({ exit: 0, resumed: true })
    expect(differences('contact', client.items(), await few.serverItems('contacts'))).toEqual({ a: [], b: [] })
  })
})
