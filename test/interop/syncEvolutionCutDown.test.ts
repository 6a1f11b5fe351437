/**
 * SyncEvolution whose connection is cut at each message while it receives, an object in chunks among the rest: the next
 * session goes on, and both sides hold the same, nothing twice.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { differences, SyncEvolutionLab, syncEvolutionMissing } from '../support/syncEvolution.ts'

const missing = syncEvolutionMissing()
const nothing = { a: [], b: [] }
const contacts = 3
const faults = ['drop-request', 'drop-response'] as const
const positions = [2, 3, 4, 5] as const
const cuts = faults.flatMap((fault) => positions.map((at) => ({ fault, at })))

describe.skipIf(missing !== '')(`[OM-31] SyncEvolution, cut ${missing}`, () => {
  let lab: SyncEvolutionLab

  beforeAll(async () => {
    lab = await SyncEvolutionLab.open()
    const first = lab.client('first')
    first.generate('make', '--count', 2, '--photo-every', 0)
    first.generate('make', '--start', 100, '--count', 1, '--photo-every', 1, '--photo-bytes', 40_000)
    expect(await first.sync('slow')).toMatchObject({ exit: 0 })
  })
  afterAll(() => lab?.close())

  it.each(cuts)('while it receives: $fault of message $at', async (cut) => {
    const client = lab.client(`down-${cut.fault}-${cut.at}`, { WBXML: '0', MAXMSGSIZE: '20000' })
    await client.cutSync('slow', cut)
    const next = await client.sync('two-way')
    expect(next.text).toMatch(/RESULT exit=0 status=200/)
    expect(client.items()).toHaveLength(contacts)
    expect(differences('contact', client.items(), await lab.serverItems('contacts'))).toEqual(nothing)
  })

  it('suspended by its user while it receives', async () => {
    const client = lab.client('suspended', { WBXML: '0', MAXMSGSIZE: '20000' })
    const suspended = await client.cutSync('slow', { fault: 'signal-after', at: 3 })
    expect(suspended.text).toMatch(/status=20032/)
    const next = await client.sync('two-way')
    expect(next).toMatchObject({ exit: 0, resumed: true })
    expect(differences('contact', client.items(), await lab.serverItems('contacts'))).toEqual(nothing)
  })
})
