/** Differentials: each night says all since the last whole file. Rule DC-130. */

import { copyFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import type { TrackingMethod } from '../../../device-client/observe/preparedBackup.ts'
import { DeviceLife } from '../../support/deviceLife.ts'
import { lifeArbitrary, perform, setupSql } from '../../support/lifeOperations.ts'
import fc from '../../support/properties.ts'

const SETUP = `CREATE TABLE t(id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c');
  CREATE TABLE keyless(x); INSERT INTO keyless VALUES (1)`

let device: DeviceLife
afterEach(() => device.dispose())

async function begin(method: TrackingMethod = 'triggers'): Promise<void> {
  device = await DeviceLife.create(SETUP, method)
  differ(false)
  expect((await device.night()).mode).toBe('full')
}

function differ(renew: boolean): void {
  device.differential = { renew }
  device.restart()
}

describe.each<TrackingMethod>(['triggers', 'compare'])('a database tracked by %s', (method) => {
  it('[DC-130] any one night with the whole file before gives that night', async () => {
    await begin(method)
    const full = `${device.copyFile()}.full`
    copyFileSync(device.copyFile(), full)
    for (const sql of [
      "UPDATE t SET x = 'A' WHERE id = 1; INSERT INTO keyless VALUES (2)",
      "DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (4, 'd')",
      "CREATE TABLE later(id INTEGER PRIMARY KEY, y); INSERT INTO later VALUES (1, 2); UPDATE t SET x = 'a' WHERE id = 1",
      'ALTER TABLE t ADD COLUMN z DEFAULT 5; DELETE FROM keyless WHERE x = 1; UPDATE later SET y = 3',
      "DROP TABLE later; INSERT INTO t VALUES (2, 'again', 1)",
    ]) {
      device.app(sql)
      expect(await device.night()).toMatchObject({ mode: 'delta', outcome: 'applied' })
      expect(device.copyDump()).toBe(device.deviceDump())
      const own = `${device.copyFile()}.own`
      copyFileSync(device.copyFile(), own)
      copyFileSync(full, device.copyFile())
      expect(await device.deliver(device.sent.at(-1) ?? '')).toMatchObject({ outcome: 'applied' })
      expect(device.copyDump()).toBe(device.deviceDump())
      copyFileSync(own, device.copyFile())
    }
  })

  it('[DC-130] sends nothing where nothing changed since the last night, and the old changes with the next one', async () => {
    await begin(method)
    device.app("UPDATE t SET x = 'A' WHERE id = 1")
    expect(await device.night()).toMatchObject({ mode: 'delta', counts: { puts: 1 } })
    expect(await device.night()).toMatchObject({ mode: 'none' })
    device.app("UPDATE t SET x = 'B' WHERE id = 2")
    expect(await device.night()).toMatchObject({ mode: 'delta', counts: { puts: 2 } })
    device.restart()
    expect(await device.night()).toMatchObject({ mode: 'none' })
  })

  it('[DC-130] begins anew with a whole file when its time has come and something changed', async () => {
    await begin(method)
    device.app("UPDATE t SET x = 'A' WHERE id = 1")
    expect((await device.night()).mode).toBe('delta')
    differ(true)
    expect((await device.night()).mode).toBe('none')
    device.app("UPDATE t SET x = 'B' WHERE id = 2")
    expect((await device.night()).mode).toBe('full')
    differ(false)
    device.app("UPDATE t SET x = 'C' WHERE id = 3")
    expect(await device.night()).toMatchObject({ mode: 'delta', counts: { puts: 1 } })
  })

  it('[DC-130] a user who changes to it, and back, begins with a whole file, and goes on with changes alone', async () => {
    await begin(method)
    device.differential = undefined
    device.restart()
    for (const id of [1, 2]) {
      device.app(`UPDATE t SET x = x || 'A' WHERE id = ${id}`)
      expect(await device.night()).toMatchObject({ mode: 'delta', counts: { puts: 1 } })
    }
    differ(false)
    expect((await device.night()).mode).toBe('none')
    device.app("UPDATE t SET x = 'B' WHERE id = 2")
    expect((await device.night()).mode).toBe('full')
    expect(device.copyDump()).toBe(device.deviceDump())
  })
})

const lives = Number(process.env.NIGHTFERRY_LIVES ?? 25)

it(`[DC-130] ${lives} generated lives`, { timeout: 3_600_000 }, async () => {
  device = await DeviceLife.create('')
  let deltas = 0
  await fc.assert(
    fc.asyncProperty(lifeArbitrary, async (plan) => {
      device.dispose()
      device = await DeviceLife.create(setupSql(plan.tables), plan.method, `PRAGMA encoding='${plan.encoding}'`)
      differ(false)
      device.use((driver) => perform(driver, plan.first))
      await device.night()
      for (const { operations, loseAnswer, duplicate, restart, kill } of plan.nights) {
        device.use((driver) => perform(driver, operations))
        if (restart) device.restart()
        const { mode } = await device.night({ loseAnswer, duplicate, kill })
        if (mode === 'killed') await device.night()
        if (mode === 'delta') deltas++
        expect(device.copyDump()).toBe(device.deviceDump())
      }
      await device.night()
      expect(device.copyDump()).toBe(device.deviceDump())
      expect((await device.night()).mode).toBe('none')
    }),
    { numRuns: lives, seed: 7, endOnFailure: true },
  )
  expect(deltas).toBeGreaterThan(lives / 3)
})
