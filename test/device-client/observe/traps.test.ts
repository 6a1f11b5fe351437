/** The traps of the design, each with the smallest life that falls into it. */

import { afterEach, describe, expect, it } from 'vitest'
import { DeviceLife } from '../../support/deviceLife.ts'
import type { NightResult } from '../../support/lifeNight.ts'
import { T, type Trap, traps } from '../../support/trapList.ts'

let life: DeviceLife | undefined

afterEach(() => {
  life?.dispose()
  life = undefined
})

/** Lives a trap through: after each night copy and database are equal. Returns what the nights were. */
async function liveThrough(trap: Trap, method: 'triggers' | 'compare' = 'triggers'): Promise<NightResult[]> {
  life = await DeviceLife.create(trap.setup, method, trap.before)
  const results = [await life.night()]
  expect(life.copyDump()).toBe(life.deviceDump())
  for (const sql of trap.nights) {
    life.app(sql, trap.pragmas)
    results.push(await life.night())
    expect(life.copyDump()).toBe(life.deviceDump())
  }
  expect((await life.night()).mode).toBe('none')
  return results
}

/** Every night after the first must be a Delta. */
function expectDeltas(results: readonly NightResult[]): void {
  expect(results.map((result) => result.mode)).toEqual(['full', ...results.slice(1).map(() => 'delta')])
}

describe('[DC-2] [DC-3] [DC-7] [BK-4] [BK-5] [BK-11] traps, tracked by triggers', () => {
  for (const [name, trap] of Object.entries(traps)) {
    it(name, async () => expectDeltas(await liveThrough(trap)))
  }
})

describe('[DC-3] the same traps where the database may not be altered', () => {
  for (const [name, trap] of Object.entries(traps)) {
    it(name, async () => expectDeltas(await liveThrough(trap, 'compare')))
  }
})

describe('[DC-9] [BK-3] an answer is lost, and then the application takes back what it did', () => {
  const cases: Record<string, { setup: string; lost: string; next: string }> = {
    'a new row is deleted again': { setup: T, lost: "INSERT INTO t VALUES(1,'x',1)", next: 'DELETE FROM t' },
    'a new table is dropped again': { setup: T, lost: 'CREATE TABLE n(a PRIMARY KEY)', next: 'DROP TABLE n' },
    'swapped tables stay swapped': {
      setup:
        'CREATE TABLE a(x PRIMARY KEY); CREATE TABLE b(x PRIMARY KEY); INSERT INTO a VALUES(1); INSERT INTO b VALUES(2)',
      lost: 'ALTER TABLE a RENAME TO c; ALTER TABLE b RENAME TO a; ALTER TABLE c RENAME TO b',
      next: 'INSERT INTO a VALUES(3)',
    },
    'a renamed table gets its name back': {
      setup: 'CREATE TABLE a(x PRIMARY KEY); INSERT INTO a VALUES(1)',
      lost: 'ALTER TABLE a RENAME TO c; CREATE TABLE a(x PRIMARY KEY); INSERT INTO a VALUES(7)',
      next: 'DROP TABLE a; ALTER TABLE c RENAME TO a',
    },
    'a table without key returns to what it was': {
      setup: 'CREATE TABLE h(rowid, _rowid_, oid); INSERT INTO h VALUES(1,2,3)',
      lost: 'DELETE FROM h',
      next: 'INSERT INTO h VALUES(1,2,3)',
    },
    'a header value returns': { setup: T, lost: 'PRAGMA user_version=5', next: 'PRAGMA user_version=0' },
  }
  for (const method of ['triggers', 'compare'] as const) {
    for (const [name, { setup, lost, next }] of Object.entries(cases)) {
      it(`${name} (${method})`, async () => {
        life = await DeviceLife.create(setup, method)
        await life.night()
        life.app(lost)
        await life.night({ loseAnswer: true })
        life.app(next)
        const result = await life.night()
        expect(result.mode).toBe('delta')
        expect(life.copyDump()).toBe(life.deviceDump())
        expect((await life.night()).mode).toBe('none')
      })
    }
  }
})
