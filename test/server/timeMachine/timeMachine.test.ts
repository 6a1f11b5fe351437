/** Which points a database has, whatever its copies and the catalogue went through. Rules TM-1, TM-7, TM-8, TM-12. */

import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { dropOfOne } from '../../../server/timeMachine/dropOldPoints.ts'
import { parseRetention } from '../../../server/timeMachine/retention.ts'
import { CROWD, momentOf } from '../../../server/timeMachine/timeMachine.ts'
import { buildZooDatabase } from '../../support/databaseZoo.ts'
import { ACCOUNT, DATABASE, openRestoreBench, type RestoreBench } from '../../support/restoreBench.ts'

const KEY = { accountId: ACCOUNT, deviceId: 'phone', name: DATABASE }
let bench: RestoreBench
let path: string

beforeEach(async () => {
  bench = await openRestoreBench()
  path = join(bench.folder, 'app.db')
  buildZooDatabase({ name: 'app', pragmas: [], sql: 'CREATE TABLE t(x); INSERT INTO t VALUES(1)' }, path)
})
afterEach(() => bench.close())

/** A whole file takes the place of the copy. */
async function replace(): Promise<void> {
  const row = await bench.databases.get(KEY)
  bench.clock.now += 1000
  if (row !== undefined) await bench.timeMachine.putAside(row)
  await bench.backUp(path, 'phone')
}

const files = (): number =>
  readdirSync(join(bench.dataDir, 'copies')).filter((name) => !/-(wal|shm)$/.test(name)).length
const tokens = async (): Promise<string[]> => (await bench.timeMachine.listPoints(KEY)).map(({ token }) => token)

describe('the points of a database', () => {
  it('[TM-7] [TM-8] a state in two copies is one point, and goes from both', async () => {
    const row = await bench.backUp(path, 'phone')
    await bench.timeMachine.takeSnapshot(row)
    // The Delta that the Snapshot was taken for never came again.
    await replace()
    expect(files()).toBe(3)
    const [latest = '', old = ''] = await tokens()
    expect(await tokens()).toEqual([latest, old])
    const moments = (await bench.timeMachine.listPoints(KEY)).map(momentOf)
    expect(await bench.timeMachine.dropPoints(KEY, new Set(moments))).toBeGreaterThan(0)
    expect(await tokens()).toEqual([latest])
    expect(files()).toBe(1)
  })

  it('[TM-4] a Snapshot that a killed server took is not taken again', async () => {
    const row = await bench.backUp(path, 'phone')
    await bench.timeMachine.takeSnapshot(row)
    await bench.timeMachine.takeSnapshot(row)
    expect(files()).toBe(2)
  })

  it('[TM-4] [TM-7] a copy that was to be put aside and is in use still is no Snapshot of itself', async () => {
    const row = await bench.backUp(path, 'phone')
    await bench.timeMachine.putAside(row)
    await bench.timeMachine.takeSnapshot(row)
    expect(files()).toBe(2)
  })

  it('[TM-1] a copy knows better than the catalogue where it stands', async () => {
    const row = await bench.backUp(path, 'phone')
    await bench.databases.put({ ...row, number: 0, token: '0'.repeat(32) })
    await bench.timeMachine.putAside({ ...row, number: 0, token: '0'.repeat(32) })
    expect(await tokens()).toEqual([row.token])
    await bench.backUp(path, 'phone')
    expect((await tokens())[1]).toBe(row.token)
  })

  it('[TM-7] a copy that was to be put aside and is in use still is one copy', async () => {
    const row = await bench.backUp(path, 'phone')
    await bench.timeMachine.putAside(row)
    expect(await tokens()).toEqual([row.token])
    expect(
      await bench.timeMachine.dropPoints(KEY, new Set((await bench.timeMachine.listPoints(KEY)).map(momentOf))),
    ).toBe(0)
    expect(files()).toBe(1)
  })

  it('[TM-14] many whole files at once are thinned out by the policy without waiting for the night', async () => {
    for (let sent = 0; sent <= CROWD; sent++) await replace()
    expect(bench.crowded).toEqual([])
    await replace()
    expect(bench.crowded).toMatchObject([KEY])
    const dropping = {
      ...bench,
      policy: parseRetention(['last=3']),
      now: () => bench.clock.now,
      onFailure: () => undefined,
    }
    await dropOfOne(dropping, KEY, false)
    expect(await tokens()).toHaveLength(3)
    expect(files()).toBe(3)
  })

  it('[TM-12] those of a damaged copy are not there, all others are', async () => {
    const first = await bench.backUp(path, 'phone')
    await replace()
    const second = await bench.databases.get(KEY)
    await replace()
    expect(await tokens()).toHaveLength(3)
    truncateSync(bench.copyPath(first.copyId), 5000)
    const [, kept] = await tokens()
    expect(await tokens()).toHaveLength(2)
    expect(kept).toBe(second?.token)
  })
})

describe('[RS-20] a state that is damaged', () => {
  const restore = (point: string): Promise<unknown> =>
    bench.service.createRestore(bench.caller('phone'), { database: DATABASE, point })
  const damage = (copyId: string): void => {
    const octets = readFileSync(bench.copyPath(copyId))
    // The page of the table's rows: what the copy says of itself is sound.
    octets.fill(0x55, 4096 * 2)
    writeFileSync(bench.copyPath(copyId), octets)
  }

  it('is refused, and the newest one that was proven just now is offered', async () => {
    const first = await bench.backUp(path, 'phone')
    await replace()
    await replace()
    const [, second = ''] = await tokens()
    const row = await bench.databases.get(KEY)
    damage(row?.copyId ?? '')
    await expect(restore('latest')).rejects.toMatchObject({
      code: 'restore.damaged',
      next: expect.stringContaining(second),
    })
    await expect(restore(second)).resolves.toMatchObject({ number: 1 })
    const [held] = (await bench.timeMachine.listPoints(KEY)).filter(({ token }) => token === second)
    damage(held?.copy.copyId ?? '')
    await expect(restore('latest')).rejects.toMatchObject({ next: expect.stringContaining(first.token) })
    await expect(restore(second)).rejects.toMatchObject({ next: expect.stringContaining(first.token) })
    damage(first.copyId)
    await expect(restore('latest')).rejects.toMatchObject({
      code: 'restore.damaged',
      next: expect.stringMatching(/back it up as a whole/),
    })
  })
})
