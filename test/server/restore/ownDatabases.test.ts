/** The nightly look at the server's own databases: a damaged page is found before anybody asks for it. */

import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { assembleNight, type NightWork } from '../../../server/assembleNight.ts'
import { sqlPastCopies } from '../../../server/catalogue/sqlite/pastCopies.ts'
import { sqlProofs } from '../../../server/catalogue/sqlite/proofs.ts'
import { createLoggers } from '../../../server/logger.ts'
import { type CheckInput, checkFileJob } from '../../../server/sql/checkFile.ts'
import { openRestoreBench, type RestoreBench } from '../../support/restoreBench.ts'

const DAY = 86_400_000
let bench: RestoreBench
let night: NightWork
let found: [string, string][]
let path: string

beforeEach(async () => {
  bench = await openRestoreBench()
  found = []
  path = join(bench.dataDir, 'catalogue.sqlite')
  night = assembleNight({
    config: { nightHour: 3, proveMb: 0, data: bench.dataDir },
    ...{ databases: bench.databases, keyRing: bench.keyRing, copyPath: bench.copyPath, imagePath: String },
    ...{ proofs: sqlProofs(bench.catalogue), pastCopies: sqlPastCopies(bench.catalogue) },
    pool: { run: async (_: string, input: CheckInput) => checkFileJob(input) } as never,
    log: createLoggers('silent').backup,
    clock: () => bench.clock.now,
    prune: async () => undefined,
    onDamage: (what, why) => void found.push([what, why]),
  })
})
afterEach(async () => {
  await night.close()
  await bench.close()
})

async function oneNight(): Promise<void> {
  bench.clock.now += DAY
  await night.doIfDue()
}

it('[RS-21] finds nothing in sound ones, while they are written', async () => {
  await oneNight()
  expect(found).toEqual([])
})

it('[RS-21] finds any damaged page of the catalogue', async () => {
  // All of it is in the file then, and no page at hand in memory.
  await bench.catalogue.destroy()
  const sound = readFileSync(path)
  const pages = statSync(path).size / 4096
  expect(pages).toBeGreaterThan(20)
  for (let page = 1; page < pages; page++) {
    const damaged = Buffer.from(sound)
    damaged[page * 4096 + ((page * 997) % 4096)] = (damaged[page * 4096 + ((page * 997) % 4096)] ?? 0) ^ 4
    writeFileSync(path, damaged)
    await oneNight()
    expect(found.length, `page ${page + 1}`).toBe(page)
  }
  expect(new Set(found.map(([what]) => what))).toEqual(new Set(['catalogue']))
  writeFileSync(path, sound)
})
