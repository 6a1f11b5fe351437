/**
 * SyncEvolution whose connection is cut at each message while it sends, an object in chunks among the rest: the next
 * session goes on, and both sides hold the same, nothing twice.
 */

import { describe, expect, it } from 'vitest'
import { differences, SyncEvolutionLab, syncEvolutionMissing } from '../support/syncEvolution.ts'

const missing = syncEvolutionMissing()
const nothing = { a: [], b: [] }
const contacts = 3
const faults = ['drop-request', 'drop-response'] as const
const positions = [2, 3, 4, 5] as const
const cuts = faults.flatMap((fault) => positions.map((at) => ({ fault, at })))

describe.skipIf(missing !== '')(`[OM-31] SyncEvolution, cut ${missing}`, () => {
  it.each(cuts)('while it sends: $fault of message $at', async (cut) => {
    const other = await SyncEvolutionLab.open()
    try {
      const client = other.client('up', { WBXML: '0', MAXMSGSIZE: '20000' })
      client.generate('make', '--count', 2, '--photo-every', 0)
      client.generate('make', '--start', 100, '--count', 1, '--photo-every', 1, '--photo-bytes', 40_000)
      await client.cutSync('slow', cut)
      const next = await client.sync('two-way')
      expect(next.text).toMatch(/RESULT exit=0 status=200/)
      expect(await other.serverItems('contacts')).toHaveLength(contacts)
      expect(differences('contact', client.items(), await other.serverItems('contacts'))).toEqual(nothing)
    } finally {
      await other.close()
    }
  })
})
