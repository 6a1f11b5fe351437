/** Seeds of the simulation: NIGHTFERRY_SEEDS says how many, NIGHTFERRY_SEED with which one they begin. */

import { expect, it } from 'vitest'
import { simulate } from './simulate.ts'

const seeds = Number(process.env.NIGHTFERRY_SEEDS ?? 12)
const first = Number(process.env.NIGHTFERRY_SEED ?? 1)

it(`[BK-22] ${seeds} simulated seeds`, { timeout: 6 * 3_600_000 }, async () => {
  const total = { full: 0, delta: 0, none: 0, failed: 0 }
  for (let seed = first; seed < first + seeds; seed++) {
    const tally = await simulate(seed)
    for (const name of ['full', 'delta', 'none', 'failed'] as const) total[name] += tally[name]
    if (seeds > 50 && (seed - first) % 50 === 49) console.log(`seed ${seed}`, total)
  }
  if (seeds > 12) console.log(total)
  // Seeds in which nothing was sent would prove nothing.
  expect(total.delta + total.full).toBeGreaterThan(seeds * 3)
  expect(total.failed).toBeGreaterThan(0)
})
