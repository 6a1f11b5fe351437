/** Where a Delta belongs: every relation of a chain of positions to what a copy holds. */

import { describe, expect, it } from 'vitest'
import { CodedError } from '../../../schemas/errors.ts'
import { placeDelta } from '../../../server/backup/placeDelta.ts'

const LIFE = 'a'.repeat(32)
/** Tokens of the device's own history; a fork has others. */
const own = (number: number) => ({ number, token: `own${number}` })
const forked = (number: number) => ({ number, token: `fork${number}` })
const held = {
  ...{ lineage: LIFE, number: 5, token: 'own5' },
  history: new Map([3, 4, 5].map((number) => [number, `own${number}`])),
}

describe('[BK-3] a copy at 5 that remembers 3, 4 and 5', () => {
  it.each([
    ['the next Delta is applied', [own(5), own(6)], 'apply'],
    ['one over several nights is applied', [own(5), own(6), own(9)], 'apply'],
    ['one that begins before, after lost answers, is applied', [own(3), own(4), own(5), own(6)], 'apply'],
    ['one that begins before what is remembered is applied if it passes 5', [own(1), own(5), own(6)], 'apply'],
    ['the last one again is a duplicate', [own(4), own(5)], 'duplicate'],
    ['an older one is a duplicate', [own(2), own(3)], 'duplicate'],
    ['one that ends before what is remembered is not known to be ours', [own(1), own(2)], 'anchor.mismatch'],
    ['a gap', [own(6), own(7)], 'delta.gap'],
    ['a chain that leaps over 5', [own(4), own(6)], 'anchor.mismatch'],
    ['a fork at 5, going on', [own(4), forked(5), forked(6)], 'anchor.mismatch'],
    ['a fork that begins at 5', [forked(5), forked(6)], 'anchor.mismatch'],
    ['a fork that ends at 5', [own(4), forked(5)], 'anchor.mismatch'],
    ['a fork that ends before', [own(3), forked(4)], 'anchor.mismatch'],
    ['no position', [], 'delta.invalid'],
  ])('%s', (_what, positions, expected) => {
    expect(place({ lineage: LIFE, positions })).toBe(expected)
  })

  it('the same positions of another life are not taken', () => {
    expect(place({ lineage: 'b'.repeat(32), positions: [own(5), own(6)] })).toBe('anchor.mismatch')
    expect(place({ lineage: 'b'.repeat(32), positions: [own(4), own(5)] })).toBe('anchor.mismatch')
  })
})

function place(chain: Parameters<typeof placeDelta>[1]): string {
  try {
    return placeDelta(held, chain)
  } catch (cause) {
    return cause instanceof CodedError ? cause.code : String(cause)
  }
}
