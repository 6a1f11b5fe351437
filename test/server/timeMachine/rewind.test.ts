/**
 * Going back in a copy: whatever a life did to schema and rows, every state that was acknowledged comes again exactly.
 * NIGHTFERRY_PAST_LIVES sets how many are lived, NIGHTFERRY_SEED is the seed.
 */

import { afterEach, describe, expect, it } from 'vitest'
import { DeviceLife } from '../../support/deviceLife.ts'
import { type LifeNight, lifeArbitrary, perform, setupSql } from '../../support/lifeOperations.ts'
import fc from '../../support/properties.ts'

const lives = Number(process.env.NIGHTFERRY_PAST_LIVES ?? 30)
const seed = Number(process.env.NIGHTFERRY_SEED ?? 1)

let life: DeviceLife
afterEach(() => life?.dispose())

async function nights(setup: string, changes: readonly string[]): Promise<void> {
  life = await DeviceLife.create(setup)
  await life.night()
  const states = life.rememberStates()
  for (const sql of changes) {
    life.app(sql)
    await life.night()
  }
  let points = 0
  for (const { was, is } of states.compare()) expect(is, `point ${points++}`).toBe(was)
  expect(points).toBe(changes.length + 1)
}

describe('[TM-2] [TM-5] what a copy remembers', () => {
  it('rows that were changed, removed, added, and changed back', () =>
    nights(
      "CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b); INSERT INTO t VALUES(1,'x',1),(2,'y',2.0),(3,'z',x'00')",
      [
        "UPDATE t SET a='tmp' WHERE id=1; UPDATE t SET a='x' WHERE id=2; UPDATE t SET a='y' WHERE id=1",
        'DELETE FROM t WHERE id=3; INSERT INTO t VALUES(4,NULL,4)',
        "INSERT INTO t VALUES(3,'z',3); UPDATE t SET b=1 WHERE id=4",
        'DELETE FROM t',
        'INSERT INTO t SELECT id+10, a, b FROM (SELECT 1 AS id, 1 AS a, 2 AS b)',
      ],
    ))

  it('rows without a column for their rowid, and keys of several columns in other collations', () =>
    nights(
      `CREATE TABLE r(a, b); INSERT INTO r(rowid, a, b) VALUES(5, 1, 'one'), (9, 2, 'two');
       CREATE TABLE w(k TEXT COLLATE NOCASE, n REAL, v, PRIMARY KEY(k, n)) WITHOUT ROWID;
       INSERT INTO w VALUES('a', 1, CAST(x'ff' AS TEXT)), ('b', 2.5, NULL)`,
      [
        "UPDATE r SET b='uno' WHERE a=1; DELETE FROM w WHERE k='a'; INSERT INTO w VALUES('A', 1, 7)",
        "DELETE FROM r WHERE a=2; UPDATE w SET n=3 WHERE k='b'",
        'DELETE FROM r; DELETE FROM w',
        "INSERT INTO r VALUES(3, 'three')",
      ],
    ))

  it('[TM-4] schemas: indexes, tables and columns that came, and tables that went', () =>
    nights("CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES(1, 'x'), (2, 'x')", [
      'CREATE TABLE n(x PRIMARY KEY); INSERT INTO n VALUES(1), (2); CREATE INDEX ta ON t(a)',
      "UPDATE t SET a='y' WHERE id=2; DROP INDEX ta; CREATE UNIQUE INDEX tu ON t(a)",
      "ALTER TABLE t ADD COLUMN c DEFAULT 'new'; UPDATE t SET c='own' WHERE id=1",
      "DROP INDEX tu; INSERT INTO t VALUES(3, 'y', 'third')",
      'DELETE FROM t WHERE id=3; CREATE UNIQUE INDEX tu ON t(a); CREATE VIEW v AS SELECT * FROM t; DELETE FROM n',
      'DROP TABLE n; ALTER TABLE t ADD COLUMN d',
      'CREATE TABLE n(y, z); INSERT INTO n VALUES(1, 2)',
      'DROP VIEW v; DROP TABLE t; CREATE TABLE t(other, id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES(1, 9)',
      "INSERT INTO t(other) VALUES('more'); PRAGMA user_version=7",
    ]))

  it('[TM-13] is forgotten with the first change that is not kept', async () => {
    life = await DeviceLife.create('CREATE TABLE t(x); INSERT INTO t VALUES(1)')
    await life.night()
    const states = life.rememberStates()
    for (const x of [2, 3]) {
      life.app(`UPDATE t SET x=${x}`)
      await life.night()
    }
    const [path = ''] = states.files()
    expect(states.inside(path)).toBe(2)
    life.forgetStates()
    life.app('UPDATE t SET x=4')
    await life.night()
    expect(states.inside(path)).toBe(0)
    expect(life.copyDump()).toBe(life.deviceDump())
  })

  it('[TM-3] is not changed by a Delta that puts rows it did not name before', async () => {
    life = await DeviceLife.create("CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES(1, 'x'), (2, 'y')")
    await life.night()
    const states = life.rememberStates()
    life.app("INSERT INTO t VALUES(3, 'new'); UPDATE t SET a='z' WHERE id=1")
    const prepared = life.tracker.prepareDelta()
    if (typeof prepared === 'string') throw new Error(`the device sends ${prepared}`)
    const honest = [...prepared.pieces()].join('')
    prepared.finish().markSent()
    // Row 3 comes although nothing says that it did.
    const lying = honest.replace(/(<touched>\n(?:.*\n)*?)3\n/, '$1').replace('"deletes":0', '"deletes":-1')
    expect(lying).not.toBe(honest)
    await expect(life.deliver(lying)).rejects.toMatchObject({ code: 'delta.invalid' })
    const swapped = honest.replace(/(<touched>\n(?:.*\n)*?)3\n/, '$19\n')
    expect(swapped).not.toBe(honest)
    await life.deliver(swapped)
    for (const { was, is } of states.compare()) expect(is).toBe(was)
  })

  it('[TM-4] a table that takes another name: the whole copy is kept', () =>
    nights("CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES(1, 'x')", [
      "UPDATE t SET a='y'",
      'ALTER TABLE t RENAME TO u',
      "UPDATE u SET a='z'",
    ]))
})

it(`[TM-5] [TM-8] ${lives} generated lives, gone back to every state, and to what is left when others are dropped`, {
  timeout: 3_600_000,
}, async () => {
  let points = 0
  const live = async (plan: typeof lifeArbitrary extends fc.Arbitrary<infer T> ? T : never): Promise<void> => {
    const device = await DeviceLife.create(setupSql(plan.tables), plan.method, `PRAGMA encoding='${plan.encoding}'`)
    try {
      device.use((driver) => perform(driver, plan.first))
      await device.night()
      const states = device.rememberStates()
      for (const night of plan.nights) await liveNight(device, night)
      for (let at = 0; at < 3; at++) {
        for (const { was, is } of states.compare()) {
          expect(is).toBe(was)
          points++
        }
        states.drop((each) => (each + at) % 2 === 0)
      }
    } finally {
      device.dispose()
    }
  }
  await fc.assert(fc.asyncProperty(lifeArbitrary, live), { numRuns: lives, seed })
  expect(points).toBeGreaterThan(lives * 2)
})

async function liveNight(device: DeviceLife, night: LifeNight): Promise<void> {
  const pragmas = `PRAGMA recursive_triggers=${night.recursiveTriggers}; PRAGMA foreign_keys=${night.foreignKeys}`
  device.use((driver) => perform(driver, night.operations), pragmas)
  await device.night({ loseAnswer: night.loseAnswer, duplicate: night.duplicate })
}
