/** Pinned points: what keeps them, how many there can be, and which of the server's own give way. Rules TM-15 to TM-19. */

import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { GUARD_PIN_MS, MAX_GUARD_PINS, MAX_OWNER_PINS } from '../../../schemas/limits.ts'
import type { PinRow, Pins } from '../../../server/catalogue/pins.ts'
import { sqlPins } from '../../../server/catalogue/sqlite/pins.ts'
import { dropOfOne } from '../../../server/timeMachine/dropOldPoints.ts'
import { chooseGuardPlace, createPinning, type Pinning, pinByGuard } from '../../../server/timeMachine/pinning.ts'
import { parseRetention } from '../../../server/timeMachine/retention.ts'
import { buildZooDatabase } from '../../support/databaseZoo.ts'
import { DeviceLife } from '../../support/deviceLife.ts'
import { ACCOUNT, DATABASE, openRestoreBench, type RestoreBench } from '../../support/restoreBench.ts'

const KEY = { accountId: ACCOUNT, deviceId: 'phone', name: DATABASE }
const HOUR_MS = 3_600_000
let bench: RestoreBench
let pins: Pins
let pinning: Pinning
let path: string

beforeEach(async () => {
  bench = await openRestoreBench()
  pins = sqlPins(bench.catalogue)
  pinning = createPinning({ timeMachine: bench.timeMachine, pins, now: () => bench.clock.now })
  path = join(bench.folder, 'app.db')
  buildZooDatabase({ name: 'app', pragmas: [], sql: 'CREATE TABLE t(x); INSERT INTO t VALUES(1)' }, path)
})
afterEach(() => bench.close())

/** Whole files, one an hour; each but the last is an older point. */
async function points(count: number): Promise<void> {
  for (let sent = 0; sent < count; sent++) {
    bench.clock.now += HOUR_MS
    const row = await bench.databases.get(KEY)
    if (row !== undefined) await bench.timeMachine.putAside(row)
    await bench.backUp(path, 'phone')
  }
}

const drop = (keep: string) =>
  dropOfOne(
    { ...bench, policy: parseRetention([keep]), now: () => bench.clock.now, onFailure: () => undefined },
    KEY,
    false,
  )
const tokens = async (): Promise<string[]> => (await bench.timeMachine.listPoints(KEY)).map(({ token }) => token)
const guard = (token: string) =>
  pinByGuard({ pins, now: () => bench.clock.now }, KEY, { token, tables: [{ table: 't', removed: 200 }] })

describe('pinned points', () => {
  it('[TM-15] stay whatever the policy says, until the pin is taken back', async () => {
    await points(5)
    const before = await tokens()
    const third = before[2] ?? ''
    const pinned = await pinning.pin(KEY, { point: third, by: 'operator', reason: 'audit' })
    expect(pinned).toMatchObject({ token: third, isPinned: true, pin: { pinnedBy: 'operator', reason: 'audit' } })
    const { points: verdicts } = await drop('last=1')
    expect(verdicts.find(({ point }) => point.token === third)?.reasons).toEqual(['pinned'])
    expect(await tokens()).toEqual([before[0], third])
    expect(await pinning.unpin(KEY, third)).toMatchObject({ isPinned: false })
    await drop('last=1')
    expect(await tokens()).toEqual([before[0]])
  })

  it('[TM-15] are named as restores name them; the newest stays pinned when it is the newest no longer', async () => {
    await points(1)
    const [latest] = await tokens()
    await pinning.pin(KEY, { point: 'latest', by: 'owner', reason: '' })
    await points(2)
    await drop('last=1')
    expect((await tokens())[1]).toBe(latest)
    await expect(pinning.pin(KEY, { point: '77', by: 'owner', reason: '' })).rejects.toMatchObject({
      code: 'restore.unknown',
    })
    await expect(pinning.pin({ ...KEY, name: 'no' }, { point: '1', by: 'owner', reason: '' })).rejects.toMatchObject({
      code: 'database.unknown',
    })
  })

  it('[TM-17] an owner pins so many and no more, and none gives way; the operator still can', async () => {
    await points(1)
    for (let made = 0; made < MAX_OWNER_PINS; made++)
      await pins.put({ ...KEY, token: `t${made}`, reason: '', pinnedBy: 'owner', pinnedAt: made })
    await expect(pinning.pin(KEY, { point: 'latest', by: 'owner', reason: '' })).rejects.toMatchObject({
      code: 'pin.limited',
    })
    expect(await pins.list(KEY)).toHaveLength(MAX_OWNER_PINS)
    expect(await pinning.pin(KEY, { point: 'latest', by: 'operator', reason: '' })).toMatchObject({ isPinned: true })
    // It is pinned already: that is no further one.
    expect(await pinning.pin(KEY, { point: 'latest', by: 'owner', reason: '' })).toMatchObject({ isPinned: true })
  })
})

it('[TM-18] a copy says which state to pin, and says it again until another takes its place', async () => {
  const life = await DeviceLife.create(`CREATE TABLE t(id INTEGER PRIMARY KEY);
    WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 200) INSERT INTO t SELECT n FROM c`)
  await life.night()
  life.rememberStates()
  life.app('INSERT INTO t VALUES(1000)')
  expect((await life.night()).guarded).toBeUndefined()
  life.app('DELETE FROM t WHERE id > 50')
  const { guarded, text = '' } = await life.night()
  expect(guarded?.tables).toEqual([{ table: 't', removed: 151 }])
  // The server was killed before it wrote the pin; the device comes again.
  expect(await life.deliver(text)).toMatchObject({ outcome: 'duplicate', guarded })
  life.app('INSERT INTO t VALUES(2000)')
  expect((await life.night()).guarded).toEqual(guarded)
  life.dispose()
})

describe('[TM-18] [TM-19] the pins of the guard', () => {
  it('are made once, however often a copy tells of it, and not again after the operator took one back', async () => {
    await points(2)
    const [, left = ''] = await tokens()
    expect(await guard(left)).toBe('pinned')
    expect(await guard(left)).toBe('known')
    await drop('last=1')
    expect((await tokens())[1]).toBe(left)
    expect((await bench.timeMachine.listPoints(KEY))[1]?.pin?.reason).toBe('200 rows of t were removed after it')
    await pinning.unpin(KEY, left)
    expect(await guard(left)).toBe('known')
    await drop('last=1')
    expect(await tokens()).not.toContain(left)
  })

  it('ten at the most: whoever uses them up pins the state before he came with the first of them', async () => {
    for (let made = 0; made < MAX_GUARD_PINS; made++) {
      bench.clock.now += 1000
      expect(await guard(`t${made}`)).toBe('pinned')
    }
    expect(await guard('later')).toBe('full')
    expect(await guard('later')).toBe('known')
    const standing = async () =>
      (await pins.list(KEY)).filter(({ releasedAt }) => releasedAt === undefined).map(({ token }) => token)
    expect(await standing()).toContain('t0')
    bench.clock.now += GUARD_PIN_MS
    expect(await guard('next month')).toBe('pinned')
    expect(await standing()).toHaveLength(MAX_GUARD_PINS)
    expect(await standing()).not.toContain('t0')
    expect(await pins.list(KEY), 'no trace of released ones piles up').toHaveLength(MAX_GUARD_PINS)
  })

  it('pins of others neither count nor give way', () => {
    const row = (at: number, pinnedBy: PinRow['pinnedBy']): PinRow => ({
      ...KEY,
      ...{ token: `${pinnedBy}${at}`, reason: '', pinnedBy, pinnedAt: at },
    })
    const others = Array.from({ length: 50 }, (_, at) => row(at, at % 2 === 0 ? 'owner' : 'operator'))
    expect(chooseGuardPlace(others, GUARD_PIN_MS * 9)).toEqual({ isFull: false, giveWay: [] })
    const own = Array.from({ length: MAX_GUARD_PINS }, (_, at) => row(1000 + at, 'guard'))
    expect(chooseGuardPlace([...others, ...own], 1000 + GUARD_PIN_MS - 1)).toEqual({ isFull: true, giveWay: [] })
    expect(chooseGuardPlace([...others, ...own], 1000 + GUARD_PIN_MS)).toEqual({ isFull: false, giveWay: [own[0]] })
  })
})
