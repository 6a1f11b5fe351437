/** Which kills a life suffers. All follows from the life's seed; every so many lives each step has had its turn. */

import { isWorkerStep, type Kill, namedKills, randomKill } from './scenes.ts'

const NAMED_PER_LIFE = 8
/** Of a long run: with 200 lives each step has had 20 kills, and 2,000 have come in all. */
const NAMED_PER_LONG_LIFE = 7
const RANDOM_PER_LONG_LIFE = 3

const beginnings = namedKills().filter((kill) => kill.scene === 'register')
const named = namedKills().filter((kill) => kill.scene !== 'register')
const once = shuffled(named, 1)
/** A worker's step has two victims, so each of them half as often: steps come equally often. */
const evenly = shuffled([...named, ...named.filter((kill) => kill.victim === 'agent' || !isWorkerStep(kill.step))], 1)

/** So many lives of short runs pass every step. */
export const LIVES_FOR_ALL = Math.max(beginnings.length, Math.ceil(once.length / NAMED_PER_LIFE))

/** The kills of one life: one while it begins, the others in their order. Long runs have random ones as well. */
export function killsOf(seed: number, isLong: boolean): { readonly first: Kill; readonly others: readonly Kill[] } {
  const list = isLong ? evenly : once
  const random = randomOf(seed)
  const length = isLong ? NAMED_PER_LONG_LIFE : NAMED_PER_LIFE
  const steps = Array.from({ length }, (_, i) => list[(seed * length + i) % list.length] as Kill)
  const moments = Array.from({ length: isLong ? RANDOM_PER_LONG_LIFE : 0 }, () => randomKill(random))
  return {
    first: beginnings[seed % beginnings.length] as Kill,
    others: shuffled([...steps, ...moments], seed),
  }
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
