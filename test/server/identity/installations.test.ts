/** Copies of an agent's home against the real decisions of both sides, with everything that a network and a kill do. */

import { afterEach, beforeEach, expect, it } from 'vitest'
import { type AgentRecords, createAgentRecords } from '../../../device-client/agentRecords.ts'
import { createInstallation } from '../../../device-client/session/installation.ts'
import { formatInstallation, parseInstallation } from '../../../schemas/http/installationHeader.ts'
import { sqlInstallations } from '../../../server/catalogue/sqlite/installations.ts'
import { type CatalogueDb, openCatalogue } from '../../../server/catalogue/sqlite/openCatalogue.ts'
import { createInstallationCare } from '../../../server/identity/installationCare.ts'
import { judgeInstallation } from '../../../server/identity/judgeInstallation.ts'
import { openKeyRing } from '../../../server/keys/openKeyRing.ts'
import { memoryKeyStore } from '../../support/lossyFetch.ts'
import fc from '../../support/properties.ts'
import { type LocalUnderTest, openLocal } from '../account/accountParts.ts'

/** What a home holds: the values, and which of them an answer confirmed. */
interface Home {
  values: readonly string[]
  taken: string | undefined
}

let made = 0
const random = {
  bytes: (length: number): Uint8Array => {
    const octets = new Uint8Array(length)
    new DataView(octets.buffer).setUint32(0, ++made)
    return octets
  },
}

/** A process of the agent on `home`. */
function startAgent(home: Home) {
  const records = {
    installation: async () => home.values,
    setInstallation: async (values: readonly string[]) => {
      home.values = values
    },
  } satisfies Pick<AgentRecords, 'installation' | 'setInstallation'>
  return createInstallation({ records, random, clock: { now: () => 0 } })
}

type Fate = 'fine' | 'lost-request' | 'lost-answer' | 'killed-before'

/** One run of the agent; the server's verdict, if it was asked. */
async function run(home: Home, server: { kept: string | undefined }, fates: readonly Fate[]) {
  const agent = startAgent(home)
  let verdict: ReturnType<typeof judgeInstallation> | undefined
  for (const fate of fates) {
    const values = await agent.present(home.taken)
    if (fate === 'killed-before') break
    if (fate === 'lost-request') continue
    verdict = judgeInstallation(server.kept, parseInstallation(formatInstallation(values)), true)
    if (verdict !== 'accepted') return verdict
    server.kept = values[0]
    if (fate === 'fine') home.taken = values[0]
  }
  return verdict
}

const fate = fc.constantFrom<Fate>('fine', 'lost-request', 'lost-answer', 'killed-before')
const runs = fc.array(fc.array(fate, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 40 })

it('[ID-7] [DC-110] the only installation is never refused, whatever is lost and wherever it dies', async () => {
  await fc.assert(
    fc.asyncProperty(runs, async (nights) => {
      const home: Home = { values: [], taken: undefined }
      const server = { kept: undefined as string | undefined }
      for (const night of nights) expect(await run(home, server, night)).not.toBe('cloned')
    }),
  )
})

it('[ID-7] a server that was set back by up to eleven runs knows the installation again', async () => {
  await fc.assert(
    fc.asyncProperty(runs, fc.integer({ min: 1, max: 11 }), async (nights, back) => {
      const home: Home = { values: [], taken: undefined }
      const server = { kept: undefined as string | undefined }
      const states: (string | undefined)[] = []
      for (const night of nights) {
        await run(home, server, night)
        states.push(server.kept)
      }
      server.kept = states.at(-1 - back)
      expect(await run(home, server, ['fine'])).toBe('accepted')
    }),
  )
})

it('[ID-6] of two homes that were one the first goes on, and the other is refused each time', async () => {
  await fc.assert(
    fc.asyncProperty(runs, runs, async (before, after) => {
      const first: Home = { values: [], taken: undefined }
      const server = { kept: undefined as string | undefined }
      for (const night of before) await run(first, server, night)
      // Whose newest value is unconfirmed sends it again: the next run parts the two.
      await run(first, server, ['fine'])
      const second: Home = { ...first }
      expect(await run(first, server, ['fine'])).toBe('accepted')
      for (const night of after) {
        expect(await run(first, server, night)).not.toBe('cloned')
        expect(await run(second, server, ['fine'])).toBe('cloned')
      }
    }),
  )
})

it('[WF-86] [ID-7] what is no such header matches nothing; who never said one is not asked, nor is a sync of items', () => {
  const [one, two] = ['aaaaaaaaaaaa', 'bbbbbbbbbbb_']
  expect(parseInstallation(formatInstallation([one, two]))).toEqual([one, two])
  for (const text of ['', 'a', `${one},`, `${one};${two}`, `${one} `, Array(13).fill(one).join(','), 'ü'.repeat(12)])
    expect(parseInstallation(text), text).toEqual([])
  expect(judgeInstallation(undefined, undefined, true)).toBe('unchecked')
  expect(judgeInstallation(undefined, [], true)).toBe('unchecked')
  expect(judgeInstallation(undefined, [one], true)).toBe('accepted')
  expect(judgeInstallation(one, undefined, true)).toBe('cloned')
  expect(judgeInstallation(one, undefined, false)).toBe('unchecked')
  expect(judgeInstallation(one, [], false)).toBe('cloned')
  expect(judgeInstallation(one, [two], false)).toBe('cloned')
  expect(judgeInstallation(one, [two, one], true)).toBe('accepted')
})

it('[DC-110] a value is durable before it is sent, and a process makes one an hour', async () => {
  const records = createAgentRecords(memoryKeyStore())
  let now = 0
  const agent = createInstallation({ records, random, clock: { now: () => now } })
  const [first] = await agent.present(undefined)
  expect(await records.installation()).toEqual([first])
  expect(await agent.present(first)).toEqual([first])
  now = 3_600_000
  const [second] = await agent.present(first)
  expect(await records.installation()).toEqual([second, first])
  const third = await agent.renew()
  expect(await agent.present(second)).toEqual([third, second, first])
  // It was never confirmed: it goes again, also by the next process.
  now *= 3
  expect(await createInstallation({ records, random, clock: { now: () => now } }).present(second)).toEqual([
    ...[third, second, first],
  ])
})

let local: LocalUnderTest
let catalogue: CatalogueDb
beforeEach(async () => {
  local = await openLocal()
  catalogue = await openCatalogue(local.dataDir, openKeyRing({ dataDir: local.dataDir }).keyRing)
})
afterEach(async () => {
  await catalogue.destroy()
  await local.close()
})

it('[ID-8] [ID-9] a clone is noted once a minute, told for 30 days, and the claim turns the two round', async () => {
  const clones: (string | undefined)[] = []
  const care = createInstallationCare({
    installations: sqlInstallations(catalogue),
    clock: local.time.now,
    onClone: (_device, database) => clones.push(database),
  })
  const device = { accountId: 'a', deviceId: 'd' }
  const [one, two] = ['aaaaaaaaaaaa', 'bbbbbbbbbbbb']
  const start = async (value: string): Promise<string> => {
    const check = await care.check(device, value, 'app')
    if (check.kind === 'accepted') await check.confirm()
    return check.kind
  }
  expect(await start(one)).toBe('accepted')
  expect(await care.clonedAt(device)).toBeUndefined()
  expect(await start(two)).toBe('refused')
  expect(await start(two)).toBe('refused')
  expect(clones).toEqual(['app'])
  expect(await care.clonedAt(device)).toBe(local.time.now())
  expect(await care.clonedAt({ ...device, deviceId: 'another' })).toBeUndefined()
  local.time.advance(60_000)
  expect(await start(two)).toBe('refused')
  expect(clones).toEqual(['app', 'app'])
  expect(await start(one)).toBe('accepted')
  local.time.advance(30 * 24 * 3_600_000)
  expect(await care.clonedAt(device)).toBeUndefined()
  await care.claim(device, two)
  expect(await start(two)).toBe('accepted')
  expect(await start(one)).toBe('refused')
})
