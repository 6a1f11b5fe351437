/** Where files are cut. Rule FS-2. */

import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  AVERAGE_BLOCK_BYTES,
  blockLength,
  MAX_BLOCK_BYTES,
  MIN_BLOCK_BYTES,
} from '../../../device-client/files/fastCdc.ts'
import fc from '../../support/properties.ts'

function cut(octets: Uint8Array): Uint8Array[] {
  const blocks: Uint8Array[] = []
  for (let from = 0; from < octets.length; ) {
    const length = blockLength(octets, from, octets.length)
    blocks.push(octets.subarray(from, from + length))
    from += length
  }
  return blocks
}

const digests = (octets: Uint8Array): string[] =>
  cut(octets).map((block) => createHash('sha256').update(block).digest('hex'))

/** Octets that follow from a seed alone. */
function seeded(seed: number, length: number): Uint8Array {
  const octets = new Uint8Array(length)
  let state = seed | 1
  for (let i = 0; i < length; i++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9
    octets[i] = state >>> 24
  }
  return octets
}

describe('[FS-2] blocks', () => {
  it('have their least and largest size, and the average is near what is meant', () => {
    const blocks = cut(randomBytes(16 * 1024 * 1024))
    for (const block of blocks.slice(0, -1)) {
      expect(block.length).toBeGreaterThan(MIN_BLOCK_BYTES)
      expect(block.length).toBeLessThanOrEqual(MAX_BLOCK_BYTES)
    }
    const average = (16 * 1024 * 1024) / blocks.length
    expect(average).toBeGreaterThan(AVERAGE_BLOCK_BYTES * 0.8)
    expect(average).toBeLessThan(AVERAGE_BLOCK_BYTES * 1.6)
  })

  it('of octets that say nothing are the largest', () => {
    expect(cut(new Uint8Array(300_000)).map(({ length }) => length)).toEqual([131_072, 131_072, 37_856])
    expect(cut(new Uint8Array(0))).toEqual([])
    expect(cut(new Uint8Array([1]))).toEqual([new Uint8Array([1])])
  })

  it('follow from the content alone, however it is read', () => {
    const octets = seeded(7, 1_000_000)
    const whole = cut(octets)
    let from = 0
    for (const block of whole) {
      const end = Math.min(octets.length, from + MAX_BLOCK_BYTES)
      expect(blockLength(octets.slice(from, end), 0, end - from)).toBe(block.length)
      from += block.length
    }
  })

  it('are the same on every device and in every release', () => {
    const lengths = cut(seeded(1, 400_000)).map(({ length }) => length)
    expect(lengths).toEqual(LENGTHS_OF_SEED_1)
  })

  it('an edit moves few of them', () => {
    const edit = fc.record({
      seed: fc.integer({ min: 1, max: 1e6 }),
      at: fc.integer({ min: 0, max: 2_000_000 }),
      remove: fc.integer({ min: 0, max: 50_000 }),
      insert: fc.integer({ min: 0, max: 50_000 }),
    })
    fc.assert(
      fc.property(edit, ({ seed, at, remove, insert }) => {
        const before = seeded(seed, 2_000_000)
        const after = Buffer.concat([before.subarray(0, at), randomBytes(insert), before.subarray(at + remove)])
        const held = new Set(digests(before))
        const fresh = digests(after).filter((digest) => !held.has(digest))
        // The blocks of what came, and those that the edit's two ends lie in until boundaries meet again.
        expect(fresh.length).toBeLessThanOrEqual(Math.ceil(insert / MIN_BLOCK_BYTES) + 8)
      }),
      { numRuns: 25 },
    )
  })
})

const LENGTHS_OF_SEED_1: readonly number[] = [
  ...[29_162, 60_412, 9375, 38_309, 34_931, 43_661, 55_403, 22_360, 46_383, 35_046, 16_587, 8371],
]
