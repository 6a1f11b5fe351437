/**
 * A copy that remembers, damaged at random places: each state comes back as it was, or not at all. Rule TM-12.
 * NIGHTFERRY_FLIPS sets at how many places.
 */

import { copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { DeviceLife } from '../../support/deviceLife.ts'
import { RandomSource } from '../items/randomSource.ts'

const flips = Number(process.env.NIGHTFERRY_FLIPS ?? 40)

it(`[TM-12] ${flips} flipped bits and cut ends: the state as it was, or an error`, { timeout: 3_600_000 }, async () => {
  const life = await DeviceLife.create(`CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b); CREATE INDEX tb ON t(b);
    WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 400)
    INSERT INTO t SELECT n, hex(randomblob(40)), n % 7 FROM c`)
  await life.night()
  const states = life.rememberStates()
  for (let night = 0; night < 5; night++) {
    life.app(`UPDATE t SET b = b + 1 WHERE id % 9 = ${night}; DELETE FROM t WHERE id = ${night + 20}`)
    if (night === 2) life.app('CREATE TABLE n(x); INSERT INTO n VALUES(1); DROP INDEX tb')
    await life.night()
  }
  const [path = ''] = states.files()
  const kept = join(life.dir, 'kept')
  copyFileSync(path, kept)
  const octets = readFileSync(kept)
  const random = new RandomSource(11)
  const seen = { equal: 0, refused: 0 }
  for (let flip = 0; flip < flips; flip++) {
    const at = random.below(octets.length)
    if (flip % 10 === 9) truncateSync(path, at)
    else {
      const damaged = Buffer.from(octets)
      damaged[at] = (damaged[at] ?? 0) ^ (1 << random.below(8))
      writeFileSync(path, damaged)
    }
    for (const outcome of states.tryEach()) seen[outcome]++
    rmSync(path)
    copyFileSync(kept, path)
  }
  expect(seen.refused).toBeGreaterThan(flips)
  expect(seen.equal).toBeGreaterThan(0)
  for (const { was, is } of states.compare()) expect(is).toBe(was)
  life.dispose()
})
