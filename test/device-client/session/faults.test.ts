/** Whatever the network does to a session, Items arrive whole, once, and exactly. */

import { describe, expect, it } from 'vitest'
import { content, receiving, requestOf, run, sending, stored } from '../../support/deviceSession.ts'
import { limitMessages } from '../../support/limitMessages.ts'
import { type Fault, memoryKeyStore } from '../../support/lossyFetch.ts'
import { omadsServer } from '../../support/omadsPeer.ts'
import fc from '../../support/properties.ts'

const faultsArb = fc.array(
  fc.constantFrom<Fault>(
    'none',
    'none',
    'none',
    'drop-request',
    'drop-answer',
    'duplicate',
    'busy',
    'restart',
    'cut-answer',
    'twice-at-once',
  ),
  { maxLength: 14 },
)

describe('faults', () => {
  it('[DC-12][OM-3] whatever gets lost or comes twice, the Item arrives whole, once, and exactly', async () => {
    const property = fc.asyncProperty(
      fc.integer({ min: 0, max: 40_000 }),
      fc.integer({ min: 2000, max: 20_000 }),
      fc.integer({ min: 1, max: 5000 }),
      fc.boolean(),
      faultsArb,
      async (sizeBytes, maxMsgSize, piece, known, faults) => {
        const server = limitMessages(omadsServer(), maxMsgSize)
        const keyStore = memoryKeyStore()
        if (known) await run(server, requestOf(sending(content(1)), { next: '1' }), keyStore)
        const before = server.store.events.length
        const bytes = content(sizeBytes, 11)
        const { result } = await run(server, requestOf(sending(bytes, 203, piece)), keyStore, faults)
        expect(result.outcome).toBe('accepted')
        expect(stored(server).equals(Buffer.from(bytes))).toBe(true)
        expect(server.store.anchor).toBe('7')
        expect(server.store.events.slice(before)).toEqual(['put delta', 'finish'])
        expect(server.spool.ids()).toEqual([])
        expect(server.errors).toEqual([])
      },
    )
    await fc.assert(property, { numRuns: 150 })
  }, 20_000)

  it('[DC-12][OM-3] Items for the device arrive whole and exactly too', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 4 }),
      faultsArb,
      async (sizes, faults) => {
        const server = omadsServer()
        sizes.forEach((size, i) => {
          server.store.offered.set(`g${i}`, { bytes: content(size, 3 + i), type: 'application/octet-stream' })
        })
        const { transfer, items } = receiving()
        const { result } = await run(server, requestOf(transfer), memoryKeyStore(), faults)
        expect(result.outcome).toBe('accepted')
        expect([...items.values()].map((b) => b.length)).toEqual(sizes)
        for (const [id, bytes] of items)
          expect(Buffer.compare(bytes, server.store.offered.get(id)?.bytes ?? bytes)).toBe(0)
        expect(server.store.acknowledged).toHaveLength(sizes.length)
        expect(server.errors).toEqual([])
      },
    )
    await fc.assert(property, { numRuns: 80 })
  }, 20_000)
})
