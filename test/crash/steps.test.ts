/**
 * Kills real processes: at each named step at least once, and at random moments. NIGHTFERRY_KILLS sets how many kills
 * there are, NIGHTFERRY_SEED with which life they begin; NIGHTFERRY_KILLS_FILE keeps the tally, to go on with it.
 */

import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { makeMemoryFolder } from '../support/memoryFolder.ts'
import { CANARY, CrashLife } from './crashLife.ts'
import { openCrashServer } from './crashServer.ts'
import { killsOf, LIVES_FOR_ALL } from './killPlan.ts'
import {
  countKill,
  type KillTally,
  keepTally,
  neglectedSteps,
  openTally,
  randomKills,
  tallyTable,
  totalKills,
} from './killTally.ts'

const wanted = Number(process.env.NIGHTFERRY_KILLS ?? 0)
const firstSeed = Number(process.env.NIGHTFERRY_SEED ?? 1)
const file = process.env.NIGHTFERRY_KILLS_FILE
const isLong = wanted > 0
/** Of 2,000 kills at least 20 come at each step, and 400 at random moments. */
const LEAST_AT_STEP = isLong ? Math.floor(wanted / 100) : 1
const LEAST_AT_RANDOM = wanted / 5
/** If kills are missed this often, the plan is wrong. */
const MOST_LIVES = isLong ? Math.ceil(wanted / 4) : LIVES_FOR_ALL

it('[BK-21] [DC-50] a kill at any step loses nothing that was acknowledged', { timeout: 6 * 3_600_000 }, async () => {
  // A kill of a process is no loss of power: what was written is there, on whatever disk.
  const folder = makeMemoryFolder('nightferry-crash-')
  const server = await openCrashServer(folder)
  const account = await (await server.ready()).createAccount()
  const tally = openTally(file, firstSeed)
  const startedAt = Date.now()
  const killsBefore = totalKills(tally)
  try {
    for (let lives = 0; !isEnough(tally, lives) && lives < MOST_LIVES; lives++) {
      const seed = tally.nextSeed
      const lifeFolder = join(folder, `life-${seed}`)
      mkdirSync(lifeFolder)
      const { first, others } = killsOf(seed, isLong)
      const life = new CrashLife({ server, account, folder: lifeFolder, seed })
      countKill(tally, first, await life.begin(first), life.takeCounts())
      for (const kill of others) countKill(tally, kill, await life.suffer(kill), life.takeCounts())
      await life.end()
      rmSync(lifeFolder, { recursive: true, force: true })
      tally.nextSeed += 1
      keepTally(file, tally)
      const seconds = Math.round((Date.now() - startedAt) / 1000)
      if (isLong) console.log(`life ${seed}: ${totalKills(tally)} kills, ${randomKills(tally)} at random, ${seconds} s`)
    }
    const perMinute = Math.round(((totalKills(tally) - killsBefore) * 60_000) / (Date.now() - startedAt))
    console.log(`${totalKills(tally)} kills, ${server.restarts()} restarts of the server, ${perMinute} kills a minute`)
    if (isLong) console.log(tallyTable(tally))
    expect(neglectedSteps(tally, LEAST_AT_STEP)).toEqual([])
    expect(randomKills(tally)).toBeGreaterThanOrEqual(LEAST_AT_RANDOM)
    expect(filesWith(server.dataFolder, CANARY)).toEqual([])
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})

function isEnough(tally: KillTally, lives: number): boolean {
  if (!isLong) return lives >= LIVES_FOR_ALL
  const isRandomEnough = randomKills(tally) >= LEAST_AT_RANDOM
  return totalKills(tally) >= wanted && isRandomEnough && neglectedSteps(tally, LEAST_AT_STEP).length === 0
}

function filesWith(folder: string, text: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(text))
}
