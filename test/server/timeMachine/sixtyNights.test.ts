/**
 * Sixty nights with random rows and schemas over the real time machine: catalogue, copies, retention each day. Every
 * point that stays gives back what the database was that night. Rules TM-1 to TM-9.
 */

import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { takeFileImage } from '../../../device-client/node/fileImage.ts'
import { CodedError, errorEntry } from '../../../schemas/errors.ts'
import { type Copies, createCopies } from '../../../server/backup/copies.ts'
import { applyDeltaJob, importFileJob } from '../../../server/backup/jobs.ts'
import { dropOldPoints } from '../../../server/timeMachine/dropOldPoints.ts'
import { parseRetention } from '../../../server/timeMachine/retention.ts'
import { canonicalDump } from '../../support/canonicalDump.ts'
import { DeviceLife } from '../../support/deviceLife.ts'
import { lifeArbitrary, perform, setupSql } from '../../support/lifeOperations.ts'
import fc from '../../support/properties.ts'
import { ACCOUNT, DATABASE, openRestoreBench, type RestoreBench } from '../../support/restoreBench.ts'

const NIGHTS = 60
const DAY_MS = 24 * 3_600_000
const KEY = { accountId: ACCOUNT, deviceId: 'phone', name: DATABASE }
const policy = parseRetention(['last=5', 'daily=20', 'weekly=6', 'monthly=3'])

let bench: RestoreBench
let life: DeviceLife
afterEach(async () => {
  life.dispose()
  await bench.close()
})

function openCopies(): Copies {
  return createCopies({
    ...{ databases: bench.databases, keyRing: bench.keyRing, copyPath: bench.copyPath, past: bench.timeMachine },
    now: () => bench.clock.now,
    jobs: {
      applyDelta: (input) => applyDeltaJob(input),
      importFile: (input) => importFileJob(input, () => undefined),
    },
    onBackup: () => undefined,
  })
}

/** One night of the real tracker. @returns false if nothing had changed. */
async function backUp(copies: Copies): Promise<boolean> {
  const prepared = life.tracker.prepareDelta()
  if (prepared === 'none') return false
  if (prepared !== 'full') {
    const bytes = gzipSync([...prepared.pieces()].join(''))
    const backup = prepared.finish()
    backup.markSent()
    try {
      await copies.applyDelta(KEY, { source: { kind: 'inline', bytes }, sizeBytes: bytes.length })
      backup.acknowledge()
      return true
    } catch (cause) {
      if (!(cause instanceof CodedError) || errorEntry(cause.code).status !== 508) throw cause
    }
  }
  const { position, lineage } = life.tracker.prepareFull()
  const image = await takeFileImage(life.path, life.dir)
  const database = image.open()
  const backup = life.tracker.describeImage({ database, journalMode: image.journalMode }, lineage, position)
  database.close()
  if (!backup) throw new Error('the schema changed meanwhile')
  const bytes = Buffer.concat(await Array.fromAsync(image.read()))
  await image.dispose()
  backup.markSent()
  const content = { source: { kind: 'inline' as const, bytes }, sizeBytes: bytes.length }
  await copies.replaceByFile(KEY, { lineage, ...position }, content)
  backup.acknowledge()
  return true
}

async function pruneNow(): Promise<void> {
  const failures: unknown[] = []
  const onFailure = (_: unknown, cause: unknown): void => void failures.push(cause)
  const dropping = { ...bench, policy, now: () => bench.clock.now, onFailure }
  for await (const done of dropOldPoints(dropping)) expect(done.points.length).toBeGreaterThan(0)
  expect(failures).toEqual([])
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex')

/** More in long runs. */
const SEEDS = process.env.NIGHTFERRY_PAST_LIVES === undefined ? [1] : [1, 2, 3, 4]

describe('sixty nights', () => {
  it.each(SEEDS)('[TM-1] [TM-5] [TM-7] [TM-8] [TM-9] seed %i', { timeout: 300_000 }, async (seed) => {
    bench = await openRestoreBench()
    const copies = openCopies()
    const plans = fc.sample(lifeArbitrary, { numRuns: 40, seed })
    const nights = plans.flatMap((plan) => plan.nights.map(({ operations }) => operations))
    life = await DeviceLife.create(setupSql(plans[0]?.tables ?? []))
    /** What the database was, by the server's time. */
    const dumps = new Map<number, string>()
    for (let night = 0; night < NIGHTS; night++) {
      bench.clock.now += DAY_MS
      life.use((driver) => perform(driver, nights[night % nights.length] ?? []))
      life.app(`PRAGMA user_version=${night + 1}`)
      if (await backUp(copies)) dumps.set(bench.clock.now, digest(canonicalDump(life.path)))
      await pruneNow()
    }
    const points = await bench.service.listPoints(ACCOUNT, 'phone', DATABASE)
    const dates = new Set(points.map(({ takenAt }) => takenAt))
    // Twenty days, weeks and months before them, and what copies that were put aside stand at.
    expect(dates.size).toBeGreaterThanOrEqual(22)
    expect(dates.size).toBeLessThan(NIGHTS)
    for (const { point, takenAt } of points) {
      const path = join(life.dir, 'restored.db')
      await bench.restoreTo(path, 'look', 'phone', point)
      expect(digest(canonicalDump(path)), `night ${new Date(takenAt).toISOString()}`).toBe(dumps.get(takenAt))
      rmSync(path)
    }
  })
})
