/**
 * Kills real processes: at each named step at least once, and at random moments. NIGHTFERRY_KILLS sets how many kills
 * there are; NIGHTFERRY_SEED repeats a run from a life's seed on.
 */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { CANARY, CrashLife } from './crashLife.ts'
import { openCrashServer } from './crashServer.ts'
import { type Kill, namedKills, randomKill } from './scenes.ts'

const wanted = Number(process.env.NIGHTFERRY_KILLS ?? 0)
const firstSeed = Number(process.env.NIGHTFERRY_SEED ?? 1)
const RANDOM_KILLS = wanted > 0 ? 3 : 0
const KILLS_PER_LIFE = 8

const beginnings = namedKills().filter((kill) => kill.scene === 'register')
const occasions = shuffled(
  namedKills().filter((kill) => kill.scene !== 'register'),
  1,
)
/** So many lives pass every step. */
const LIVES_FOR_ALL = Math.max(beginnings.length, Math.ceil(occasions.length / KILLS_PER_LIFE))

/** The kills of one life follow from its seed alone. */
function killsOf(seed: number): { first: Kill; others: Kill[] } {
  const first = beginnings[seed % beginnings.length] as Kill
  const named = Array.from(
    { length: KILLS_PER_LIFE },
    (_, i) => occasions[(seed * KILLS_PER_LIFE + i) % occasions.length] as Kill,
  )
  const random = randomOf(seed)
  const others = [...named, ...Array.from({ length: RANDOM_KILLS }, () => randomKill(random))]
  return { first, others: shuffled(others, seed) }
}

it('[BK-21] [DC-50] a kill at any step loses nothing that was acknowledged', { timeout: 6 * 3_600_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-crash-'))
  const server = await openCrashServer(folder)
  const account = await (await server.ready()).createAccount()
  const tally = new Map<string, number>()
  const missed = new Map<string, number>()
  const startedAt = Date.now()
  let kills = 0
  const count = (kill: Kill, happened: boolean): void => {
    const name = `${kill.victim} ${kill.step ?? `at random in ${kill.scene}`}`
    const list = happened ? tally : missed
    list.set(name, (list.get(name) ?? 0) + 1)
    if (happened) kills += 1
  }
  try {
    for (let seed = firstSeed; kills < wanted || (wanted === 0 && seed < firstSeed + LIVES_FOR_ALL); seed++) {
      const life = new CrashLife({ server, account, folder: fresh(folder, seed), seed })
      const { first, others } = killsOf(seed)
      count(first, await life.begin(first))
      for (const kill of others) count(kill, await life.suffer(kill))
      await life.end()
      rmSync(join(folder, `life-${seed}`), { recursive: true, force: true })
      if (wanted > 0) console.log(`seed ${seed}: ${kills} kills, ${Math.round((Date.now() - startedAt) / 1000)} s`)
    }
    const perMinute = Math.round((kills * 60_000) / (Date.now() - startedAt))
    console.log(`${kills} kills, ${server.restarts()} restarts of the server, ${perMinute} kills a minute`)
    if (wanted > 0) console.log(tally, missed)
    expect([...missed.keys()].filter((name) => !name.includes('random') && !tally.has(name))).toEqual([])
    expect(filesWith(server.dataFolder, CANARY)).toEqual([])
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})

function fresh(folder: string, seed: number): string {
  const path = join(folder, `life-${seed}`)
  mkdirSync(path)
  return path
}

/** Numbers in [0, 1) that follow from the seed. */
function randomOf(seed: number): () => number {
  let state = seed * 2_654_435_761
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 374_761_393) | 0
    return (state >>> 0) / 4_294_967_296
  }
}

function shuffled<T>(list: readonly T[], seed: number): T[] {
  const random = randomOf(seed)
  return list
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

function filesWith(folder: string, text: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(text))
}
