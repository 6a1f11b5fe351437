/** Traps that need more than a list of statements: size, names of ours, a database emptied by mistake, forks. */

import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { canonicalDigest } from '../../support/canonicalDump.ts'
import { DeviceLife } from '../../support/deviceLife.ts'

/** How many rows change in the largest Delta: enough for many of its pieces; long runs take a million. */
const MANY = Number(process.env.NIGHTFERRY_ROWS ?? 100_000)

let life: DeviceLife | undefined

afterEach(() => {
  life?.dispose()
  life = undefined
})

describe('traps of size, names and identity', () => {
  it(`[DC-2] [WF-11] ${MANY} changed rows in one Delta`, { timeout: 180_000 }, async () => {
    const [half, most] = [MANY >> 1, Math.ceil(MANY * 0.6)]
    const rows = (n: number, from = 0) =>
      `WITH RECURSIVE c(i) AS (VALUES(${from}+1) UNION ALL SELECT i+1 FROM c WHERE i<${from + n})`
    life = await DeviceLife.create(
      `CREATE TABLE m(id INTEGER PRIMARY KEY, a, b TEXT); ${rows(most)} INSERT INTO m SELECT i, i*2, 'row '||i FROM c`,
    )
    await life.night()
    life.app(
      `UPDATE m SET a=a+1 WHERE id<=${half}; DELETE FROM m WHERE id>${half}; ${rows(MANY - most, MANY)} INSERT INTO m SELECT i, 1.5, 'new' FROM c`,
    )
    const result = await life.night()
    expect(result.mode).toBe('delta')
    expect(result.counts).toEqual({ puts: half + MANY - most, deletes: most - half, schemaChanges: 0 })
    const path = join(life.dir, 'restored.db')
    life.writeCopy(path)
    expect(canonicalDigest(path)).toBe(canonicalDigest(life.path))
  })

  it('[BK-7] a database that has names of ours is refused before anything is done', async () => {
    for (const sql of ['CREATE TABLE _nightferry_open(x)', 'CREATE TABLE t(a); CREATE INDEX _NIGHTFERRY_i ON t(a)']) {
      await expect(DeviceLife.create(sql)).rejects.toMatchObject({ code: 'database.untrackable' })
    }
  })

  it("[DC-4] names that only look like ours are the application's own", async () => {
    life = await DeviceLife.create(
      'CREATE TABLE "_nightferry"(a PRIMARY KEY); CREATE TABLE nightferry_x(_nightferry_a)',
    )
    await life.night()
    life.app('INSERT INTO "_nightferry" VALUES(1); INSERT INTO nightferry_x VALUES(2)')
    expect((await life.night()).mode).toBe('delta')
    expect(life.copyDump()).toBe(life.deviceDump())
  })

  it('[BK-4] a table that loses more than half of over 100 rows is applied, and told', async () => {
    life = await DeviceLife.create(
      'CREATE TABLE t(id INTEGER PRIMARY KEY); WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c WHERE i<150) INSERT INTO t SELECT i FROM c',
    )
    await life.night()
    life.app('DELETE FROM t WHERE id<=70')
    expect((await life.night()).emptied).toEqual([])
    life.app('DELETE FROM t')
    expect((await life.night()).emptied).toEqual([])
    life.app('WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c WHERE i<150) INSERT INTO t SELECT i FROM c')
    await life.night()
    life.app('DELETE FROM t WHERE id<=80')
    expect((await life.night()).emptied).toEqual([{ table: 't', removed: 80 }])
    expect(life.copyDump()).toBe(life.deviceDump())
  })

  it('[BK-3] a device that comes back from an old image of its file is not taken for the one that went on', async () => {
    life = await DeviceLife.create('CREATE TABLE t(id INTEGER PRIMARY KEY, a)')
    await life.night()
    life.app('INSERT INTO t VALUES(1,1)')
    await life.night()
    const old = join(life.dir, 'old.db')
    copyFileSync(life.path, old)
    for (const n of [2, 3, 4]) {
      life.app(`INSERT INTO t VALUES(${n},'lost')`)
      expect((await life.night()).mode).toBe('delta')
    }
    copyFileSync(old, life.path)
    // Counts on to the very number the copy stands at.
    for (const n of [5, 6, 7]) {
      life.app(`INSERT INTO t VALUES(${n},'after')`)
      const result = await life.night()
      expect(result.mode).toBe(n === 5 ? 'full' : 'delta')
      expect(life.copyDump()).toBe(life.deviceDump())
    }
  })

  it('[DC-10] a full backup whose answer was lost costs no second one', async () => {
    life = await DeviceLife.create('CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES(1,1)')
    await life.night({ loseAnswer: true })
    // Nothing changed, but the device may not believe it is safe before the server said so.
    expect((await life.night()).mode).toBe('delta')
    life.app('INSERT INTO t VALUES(2,2)')
    expect((await life.night()).mode).toBe('delta')
    expect(life.copyDump()).toBe(life.deviceDump())
    expect((await life.night()).mode).toBe('none')
  })

  it('[DC-5] the modification number rises at the first change after a backup, and only then', async () => {
    life = await DeviceLife.create('CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES(1,1)')
    await life.night()
    const { acknowledged, current } = life.tracker.summary()
    expect(current).toBe(acknowledged)
    await life.night()
    expect(life.tracker.summary()).toMatchObject({ acknowledged, current: acknowledged })
    life.app('UPDATE t SET a=2')
    expect(life.tracker.summary()).toMatchObject({ acknowledged, current: acknowledged + 1 })
    life.app('UPDATE t SET a=3')
    expect(life.tracker.summary().current).toBe(acknowledged + 1)
    await life.night()
    expect(life.tracker.summary()).toMatchObject({ acknowledged: acknowledged + 1, current: acknowledged + 1 })
  })

  it.each([
    ['a view', 'CREATE VIEW v AS SELECT a FROM t'],
    ['a column that is dropped and added again', 'ALTER TABLE t DROP COLUMN a; ALTER TABLE t ADD COLUMN a'],
  ])('[DC-8] [DC-50] %s: a backup that broke off before it was sent did not send it', async (_what, sql) => {
    life = await DeviceLife.create('CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES(1,1)')
    await life.night()
    life.app(sql)
    expect((await life.night({ kill: 'extracted' })).mode).toBe('killed')
    expect((await life.night()).mode).toBe('delta')
    expect(life.copyDump()).toBe(life.deviceDump())
    expect((await life.night()).mode).toBe('none')
  })

  it('[DC-3] [DC-35] a file that comes back is not compared with the picture of a life it never had', async () => {
    life = await DeviceLife.create('CREATE TABLE k(a); INSERT INTO k VALUES(1)')
    await life.night()
    life.app('INSERT INTO k VALUES(2); DELETE FROM k WHERE a=1')
    life.keepFile()
    expect((await life.night({ full: true, kill: 'marked-sent' })).mode).toBe('killed')
    life.comeBack()
    expect((await life.night()).mode).toBe('delta')
    expect(life.copyDump()).toBe(life.deviceDump())
    expect((await life.night()).mode).toBe('none')
  })

  it('[BK-2] [DC-6] an old file is not taken for the one that went on, if both were sealed without a change', async () => {
    life = await DeviceLife.create('CREATE TABLE k(a); INSERT INTO k VALUES(1)')
    await life.night()
    // Compared tables make every night look; this one finds nothing and leaves a sealed number.
    expect((await life.night()).mode).toBe('none')
    life.keepFile()
    life.app('INSERT INTO k VALUES(2)')
    expect((await life.night()).mode).toBe('delta')
    life.comeBack()
    expect((await life.night()).mode).toBe('full')
    expect(life.copyDump()).toBe(life.deviceDump())
  })

  it.each(['before it is observed', 'afterwards'])(
    '[DC-37] rows that stay when a trigger made %s fails',
    async (when) => {
      const trigger = "CREATE TRIGGER g AFTER UPDATE ON t BEGIN SELECT RAISE(FAIL, 'no') WHERE NEW.id=2; END"
      life = await DeviceLife.create(
        `CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES(1,1),(2,2),(3,3);
       ${when === 'afterwards' ? '' : trigger}`,
      )
      await life.night()
      if (when === 'afterwards') life.app(trigger)
      for (let night = 0; night < 2; night++) {
        // The statement ends at row 2, and what it changed so far stays.
        expect(() => life?.app('UPDATE t SET a=a+10')).toThrow('no')
        expect((await life.night()).mode).toBe('delta')
        expect(life.copyDump()).toBe(life.deviceDump())
      }
      expect((await life.night()).mode).toBe('none')
    },
  )

  it('[DC-36] a restored database that was never confirmed is not taken for one without changes', async () => {
    life = await DeviceLife.create('CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES(1,1)')
    await life.night()
    life.tracker.remove()
    life.tracker.adopt('ab'.repeat(16), { number: 7, token: 'cd'.repeat(16) })
    // The server never heard of this life: it is asked, and wants the whole file.
    expect((await life.night()).mode).toBe('full')
    expect((await life.night()).mode).toBe('none')
    life.tracker.remove()
    life.tracker.adopt('ef'.repeat(16), { number: 7, token: 'cd'.repeat(16) })
    life.tracker.confirmAdopted('ef'.repeat(16))
    expect((await life.night()).mode).toBe('none')
  })

  it('[DC-3] [DC-35] without its stored picture a database sends the tables that it compares whole', async () => {
    life = await DeviceLife.create('CREATE TABLE k(a); INSERT INTO k VALUES(1),(2)')
    await life.night()
    life.app('DELETE FROM k WHERE a=1')
    life.losePicture()
    expect((await life.night()).mode).toBe('delta')
    expect(life.copyDump()).toBe(life.deviceDump())
    expect((await life.night()).mode).toBe('none')
  })

  it('[DC-1] observers leave no trace when they are removed', async () => {
    life = await DeviceLife.create(
      'CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE); CREATE TABLE w(k PRIMARY KEY) WITHOUT ROWID',
    )
    await life.night()
    life.app("INSERT INTO t VALUES(1,'x'); INSERT INTO w VALUES(1)")
    life.tracker.remove()
    life.use((driver) => {
      expect(
        driver.prepare('SELECT name FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid').pluck().all(),
      ).toEqual(['t', 'w'])
    })
  })
})
