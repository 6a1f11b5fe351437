/**
 * Generated lives: random schemas and statements out of the traps, several nights each, with lost answers,
 * duplicates, replays and restarts. After each night the copy equals the device's database.
 * A failing seed is printed; NIGHTFERRY_LIVES sets how many are lived, NIGHTFERRY_SEED repeats one run.
 */

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { CodedError } from '../../../schemas/errors.ts'
import { DeviceLife, type NightOptions, type NightResult } from '../../support/deviceLife.ts'
import { lifeArbitrary, perform, setupSql } from '../../support/lifeOperations.ts'

const lives = Number(process.env.NIGHTFERRY_LIVES ?? 300)
const seed = process.env.NIGHTFERRY_SEED === undefined ? undefined : Number(process.env.NIGHTFERRY_SEED)

/** What the nights of all lives were; a test that only ever sent whole files would prove nothing. */
const tally = { none: 0, delta: 0, full: 0, file: 0 }
const reasons = new Map<string, number>()

async function backUp(device: DeviceLife, options: NightOptions = {}): Promise<NightResult['mode']> {
  const result = await device.night(options)
  tally[result.mode]++
  if (result.kind === 'file') tally.file++
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
      if (night.restart) device.restart()
      await backUp(device, { loseAnswer: night.loseAnswer, duplicate: night.duplicate })
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

/** An old message comes again: it is refused or does nothing. */
async function replay(device: DeviceLife, which: number): Promise<void> {
  const text = device.sent[which]
  if (text === undefined) return
  try {
    await device.deliver(text)
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause
  }
}

it(`[DC-2] [DC-3] [DC-6] [DC-7] [DC-8] [DC-9] [DC-10] [BK-3] [BK-4] ${lives} generated lives`, {
  timeout: 3_600_000,
}, async () => {
  const options = {
    numRuns: lives,
    endOnFailure: process.env.NIGHTFERRY_SHRINK === undefined,
    ...(seed === undefined ? {} : { seed }),
  }
  await fc.assert(fc.asyncProperty(lifeArbitrary, live), options)
  if (process.env.NIGHTFERRY_TALLY !== undefined) console.log(tally, reasons)
  expect(tally.delta).toBeGreaterThan(lives)
})
