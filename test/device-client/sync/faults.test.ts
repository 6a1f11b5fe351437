/** Whatever gets lost, and wherever a sync breaks off: nothing is doubled, nothing is lost, both sides end equal. */

import { describe, expect, it } from 'vitest'
import type { Fetch } from '../../../device-client/ports.ts'
import { CodedError } from '../../../schemas/errors.ts'
import { card, openItemServer } from '../../support/itemPeer.ts'
import { limitMessages } from '../../support/limitMessages.ts'
import { type Fault, lossyNetwork, sessionPorts } from '../../support/lossyFetch.ts'
import type { OmadsServer } from '../../support/omadsPeer.ts'
import fc from '../../support/properties.ts'
import { SyncFolder, type SyncOptions } from '../../support/syncFolder.ts'

const PASSING: readonly Fault[] = ['drop-request', 'drop-answer', 'duplicate', 'busy', 'restart', 'cut-answer']

/** Messages small enough that a sync of a few cards needs several of them, and large cards need parts. */
const SMALL = { maxMsgSize: 4000 }

/** A line that is dead for good after `calls` requests; the last one still reaches the server if `reaches`. */
function brokenLine(server: OmadsServer, calls: number, reaches: boolean): Pick<SyncOptions, 'ports'> {
  return {
    ports: (keyStore) => {
      const network = lossyNetwork(server)
      let count = 0
      const fetch: Fetch = async (url, init) => {
        if (count++ < calls) return network.fetch(url, init)
        if (count === calls + 1 && reaches) await network.fetch(url, init)
        throw new Error('connection lost')
      }
      return { ...sessionPorts(server, network, keyStore), fetch }
    },
  }
}

interface Round {
  readonly puts: number
  readonly edits: number
  readonly deletes: number
  readonly calls: number
  readonly reaches: boolean
  readonly faults: readonly Fault[]
}

const roundArb = fc.record({
  puts: fc.integer({ min: 0, max: 4 }),
  edits: fc.integer({ min: 0, max: 2 }),
  deletes: fc.integer({ min: 0, max: 1 }),
  calls: fc.integer({ min: 0, max: 7 }),
  reaches: fc.boolean(),
  faults: fc.array(fc.constantFrom<Fault>('none', ...PASSING), { maxLength: 6 }),
})

describe('faults', () => {
  it('[DC-61] [DC-64] a sync that breaks anywhere is followed by one that doubles nothing and loses nothing', async () => {
    const property = fc.asyncProperty(fc.array(roundArb, { minLength: 1, maxLength: 4 }), async (rounds) => {
      const server = await openItemServer()
      server.server.restart = server.restart
      limitMessages(server.server, SMALL.maxMsgSize)
      const folders = ['dev-one', 'dev-two'].map((id) => new SyncFolder(server.server, id, { peer: SMALL }))
      try {
        let made = 0
        const expected = new Set<string>()
        for (const [at, round] of rounds.entries()) {
          const folder = folders[at % 2]
          if (folder === undefined) throw new Error('no folder')
          change(folder, round, expected, () => `item ${++made}`)
          await folder
            .sync({ peer: SMALL, ...brokenLine(server.server, round.calls, round.reaches) })
            .catch(unreachable)
          await folder.sync({ peer: SMALL, faults: round.faults })
        }
        for (const folder of [...folders, ...folders]) await folder.sync({ peer: SMALL })
        const [one, two] = folders.map((folder) => folder.contents())
        expect(one).toEqual(two)
        expect(one).toEqual((await server.contacts()).sort())
        expect(one).toEqual([...expected].sort())
        expect(server.server.errors).toEqual([])
      } finally {
        for (const folder of folders) folder.dispose()
        await server.close()
      }
    })
    await fc.assert(property, { numRuns: 12 })
  }, 120_000)
})

/** Edits only what this folder made, so that no two devices change one item. */
function change(folder: SyncFolder, round: Round, expected: Set<string>, name: () => string): void {
  const own = folder.names().filter((file) => file.startsWith(folder.deviceId))
  for (const file of own.slice(0, round.deletes)) {
    expected.delete(folder.read(file))
    folder.remove(file)
  }
  for (const file of own.slice(round.deletes, round.deletes + round.edits)) {
    expected.delete(folder.read(file))
    const text = card(name(), 'edited')
    folder.put(text, file)
    expected.add(text)
  }
  for (let i = 0; i < round.puts; i++) {
    const text = card(name(), 'x'.repeat(i === 0 ? 9000 : 300))
    folder.put(text)
    expected.add(text)
  }
}

function unreachable(cause: unknown): void {
  expect(cause).toBeInstanceOf(CodedError)
  expect(cause).toMatchObject({ code: 'network.unreachable' })
}
