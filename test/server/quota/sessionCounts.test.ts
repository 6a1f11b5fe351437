/** Sessions of an hour, counted in bounded memory. */

import { expect, it } from 'vitest'
import { createSessionCounts } from '../../../server/quota/sessionCounts.ts'

const minute = 60_000

it('[QT-8] counts the last hour, and says when there is room again', () => {
  let now = 0
  const counts = createSessionCounts(() => now)
  for (let i = 0; i < 10; i++) counts.add('d')
  expect([counts.count('d'), counts.count('e')]).toEqual([10, 0])
  expect(counts.secondsUntilBelow('d', 10)).toBe(3600)
  // Half of the hour before still counts.
  now = 90 * minute
  expect(counts.count('d')).toBe(5)
  expect(counts.secondsUntilBelow('d', 5)).toBeGreaterThan(0)
  now += counts.secondsUntilBelow('d', 5) * 1000
  expect(counts.count('d')).toBeLessThan(5)
  now = 180 * minute
  expect(counts.count('d')).toBe(0)
})

it('[QT-8] forgets the oldest when there are too many', () => {
  const counts = createSessionCounts(() => 0, 100)
  for (let i = 0; i < 101; i++) counts.add(`d${i}`)
  expect([counts.count('d0'), counts.count('d1'), counts.count('d100')]).toEqual([0, 1, 1])
})
