/**
 * Seeds of the simulation: NIGHTFERRY_SEEDS says how many, NIGHTFERRY_SEED with which one they begin. A failing seed
 * names itself; from the next one on, the run can be gone on with.
 */

import { expect, it } from 'vitest'
import { simulate } from './simulate.ts'
import { addTally, emptyTally } from './tally.ts'

const seeds = Number(process.env.NIGHTFERRY_SEEDS ?? 12)
const first = Number(process.env.NIGHTFERRY_SEED ?? 1)
const PROGRESS_EACH = 100
/** With so many seeds everything that can happen has happened. */
const ENOUGH = 100

it(`[BK-22] ${seeds} simulated seeds`, { timeout: 6 * 3_600_000 }, async () => {
  const startedAt = Date.now()
  const total = emptyTally()
  for (let seed = first; seed < first + seeds; seed++) {
    addTally(total, await simulate(seed))
    if ((seed - first) % PROGRESS_EACH !== PROGRESS_EACH - 1) continue
    const seconds = Math.round((Date.now() - startedAt) / 1000)
    console.log(`${seed - first + 1} seeds, ${seconds} s; go on with NIGHTFERRY_SEED=${seed + 1}`)
  }
  if (seeds >= ENOUGH) console.log(total)
  // Seeds in which nothing was sent, or nothing failed, would prove nothing.
  expect(total.delta + total.full).toBeGreaterThan(seeds * 3)
  expect(total.failed).toBeGreaterThan(0)
  if (seeds >= ENOUGH) for (const [name, count] of Object.entries(total)) expect(count, name).toBeGreaterThan(0)
})
