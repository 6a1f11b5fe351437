/** SyncEvolution whose connection is cut while it sends, objects in chunks among the rest. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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

describe.skipIf(missing !== '')(`[OM-31] SyncEvolution, cut while it sends ${missing}`, () => {
  let lab: SyncEvolutionLab
  let client: SyncEvolutionClient
  let round = 0

  beforeAll(async () => {
    lab = await SyncEvolutionLab.open()
    client = lab.client('up', SMALL_MESSAGES)
    makeMany(client)
    expect(await client.sync('slow')).toMatchObject({ exit: 0 })
  })
  afterAll(() => lab?.close())

  it('its first contacts', { timeout: CUTS_LIMIT_MS }, async ({ annotate }) => {
    const done = await cutSessions(async () => {
      const fresh = await SyncEvolutionLab.join(lab.server)
      const first = fresh.client('first', SMALL_MESSAGES)
      makeFew(first)
      return { lab: fresh, client: first, mode: 'slow', expected: first.items(), close: () => fresh.close() }
    })
    await annotate(done)
  })

  it.for([
    ['adds, updates and deletes', changeSome],
    ['a photo of 300 KB', changeLarge],
  ] as const)('%s', { timeout: CUTS_LIMIT_MS }, async ([, change], { annotate }) => {
    const done = await cutSessions(async () => {
      change(client, ++round)
      return { lab, client, mode: 'two-way', expected: client.items() }
    })
    await annotate(done)
  })
})
