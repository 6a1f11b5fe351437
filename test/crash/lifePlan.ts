/** What a crash life sets out to do, and what is counted of it. */

import fc from 'fast-check'
import { lifeArbitrary } from '../support/lifeOperations.ts'

/** What was found out and needed since somebody asked. */
export interface LifeCounts {
  /** Restored files that were compared. */
  restores: number
  /** Acknowledged nights, by what they needed. */
  deltas: number
  fulls: number
  nones: number
}

export const noCounts = (): LifeCounts => ({ restores: 0, deltas: 0, fulls: 0, nones: 0 })

/** All follows from the seed. */
export function planOf(seed: number) {
  const [plan] = fc.sample(lifeArbitrary, { seed, numRuns: 1 })
  if (!plan) throw new Error('no plan')
  return plan
}
