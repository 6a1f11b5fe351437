/**
 * Generated lives: random schemas and statements out of the traps, several nights each, with lost answers,
 * duplicates, replays and restarts. After each night the copy equals the device's database.
 * NIGHTFERRY_LIVES sets how many are lived, in runs of 500 with a seed each; NIGHTFERRY_SEED is the first one. Each run
 * says with which seed one goes on after it.
 */

import { expect, it } from 'vitest'
import { CodedError } from '../../../schemas/errors.ts'
import { DeviceLife } from '../../support/deviceLife.ts'
import type { NightOptions, NightResult } from '../../support/lifeNight.ts'
import { type LifeNight, lifeArbitrary, perform, setupSql } from '../../support/lifeOperations.ts'
import fc from '../../support/properties.ts'

const lives = Number(process.env.NIGHTFERRY_LIVES ?? 120)
const firstSeed = Number(process.env.NIGHTFERRY_SEED ?? 1)
const LIVES_PER_RUN = 500

/** What the nights of all lives were; a test that only ever sent whole files would prove nothing. */
const tally = {
  none: 0,
  delta: 0,
  full: 0,
  file: 0,
  lostAnswers: 0,
  duplicates: 0,
  restarts: 0,
  replays: 0,
  killed: 0,
  files: 0,
}
const reasons = new Map<string, number>()

async function backUp(device: DeviceLife, options: NightOptions = {}): Promise<NightResult['mode']> {
  const result = await device.night(options)
  tally[result.mode]++
  if (result.kind === 'file') tally.file++
  if (result.mode !== 'none' && options.loseAnswer) tally.lostAnswers++
  if (result.mode === 'delta' && options.duplicate) tally.duplicates++
  if (result.reason !== undefined) reasons.set(result.reason, (reasons.get(result.reason) ?? 0) + 1)
  return result.mode
}

type Life = typeof lifeArbitrary extends fc.Arbitrary<infer T> ? T : never

async function live(plan: Life): Promise<void> {
  const device = await DeviceLife.create(setupSql(plan.tables), plan.method, `PRAGMA encoding='${plan.encoding}'`)
  try {
    device.use((driver) => perform(driver, plan.first))
    await backUp(device)
    expect(device.copyDump()).toBe(device.deviceDump())
    for (const night of plan.nights) {
      const pragmas = `PRAGMA recursive_triggers=${night.recursiveTriggers}; PRAGMA foreign_keys=${night.foreignKeys}`
      device.use((driver) => perform(driver, night.operations), pragmas)
      befallFiles(device, night)
      if (night.restart) {
        device.restart()
        tally.restarts++
      }
      const { loseAnswer, duplicate, kill } = night
      const mode = await backUp(device, { loseAnswer, duplicate, kill })
      if (mode === 'killed') await goOn(device, night)
      expect(device.copyDump()).toBe(device.deviceDump())
      await replay(device, night.replay)
      expect(device.copyDump()).toBe(device.deviceDump())
    }
    await backUp(device)
    expect(device.copyDump()).toBe(device.deviceDump())
    expect(await backUp(device)).toBe('none')
  } finally {
    device.dispose()
  }
}

/** An old file comes back, or what the agent keeps beside a database is gone (DC-35). */
function befallFiles(device: DeviceLife, night: LifeNight): void {
  if (night.files === 'keep') device.keepFile()
  else if (night.files === 'come-back') device.comeBack()
  // A database that may not be altered has its state there: without it, it must be added anew.
  else if (night.files === 'lose-picture' && device.method === 'triggers') device.losePicture()
  else return
  tally.files++
}

/** The agent starts again after it was killed: at once, or when the application has gone on. */
async function goOn(device: DeviceLife, night: LifeNight): Promise<void> {
  if (night.duplicate) device.use((driver) => perform(driver, night.operations))
  await backUp(device)
}

/** An old message comes again: it is refused or does nothing. */
async function replay(device: DeviceLife, which: number): Promise<void> {
  const text = device.sent[which]
  if (text === undefined) return
  tally.replays++
  try {
    await device.deliver(text)
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause
  }
}

it(`[DC-2] [DC-3] [DC-6] [DC-7] [DC-8] [DC-9] [DC-10] [BK-3] [BK-4] ${lives} generated lives`, {
  timeout: 6 * 3_600_000,
}, async () => {
  const startedAt = Date.now()
  const endOnFailure = process.env.NIGHTFERRY_SHRINK === undefined
  for (let lived = 0, seed = firstSeed; lived < lives; lived += LIVES_PER_RUN, seed++) {
    const numRuns = Math.min(LIVES_PER_RUN, lives - lived)
    await fc.assert(fc.asyncProperty(lifeArbitrary, live), { numRuns, seed, endOnFailure })
    if (lives <= LIVES_PER_RUN) continue
    const seconds = Math.round((Date.now() - startedAt) / 1000)
    console.log(`${lived + numRuns} lives, ${seconds} s; go on with NIGHTFERRY_SEED=${seed + 1}`)
  }
  if (lives > LIVES_PER_RUN || process.env.NIGHTFERRY_TALLY !== undefined) console.log(tally, reasons)
  expect(tally.delta).toBeGreaterThan(lives)
  for (const [name, count] of Object.entries(tally)) if (name !== 'file') expect(count, name).toBeGreaterThan(0)
})
