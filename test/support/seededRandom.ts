/** Randomness that a seed repeats. */

export interface SeededRandom {
  /** A whole number from 0 on, below `limit`. */
  below(limit: number): number
  pick<T>(from: readonly T[]): T
  bytes(length: number): Buffer
}

export function seededRandom(seed: number): SeededRandom {
  let state = Math.imul(seed, 0x9e3779b9) | 1
  const next = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
  const below = (limit: number): number => next() % limit
  return {
    below,
    pick: (from) => from[below(from.length)] as (typeof from)[number],
    bytes: (length) => Buffer.from(Uint8Array.from({ length }, () => next() & 255)),
  }
}
