/**
 * Decides whether a Delta continues a copy, repeats what it has, or belongs elsewhere. Pure. Rule BK-3.
 */

import { CodedError } from '../../schemas/errors.ts'
import type { PositionChain } from '../../schemas/syncml/position.ts'

/** Where a copy stands and which positions it passed. */
export interface HeldPosition {
  readonly lineage: string
  readonly number: number
  readonly token: string
  /** Tokens of the positions it still remembers, by number; the current one among them. Asked only for a repeat. */
  readonly history: { get(number: number): string | undefined }
}

/**
 * @returns `apply` if the chain goes through the held position and on; `duplicate` if its end lies behind it.
 * @throws {CodedError} `anchor.mismatch` for another life or a forked history, `delta.gap` for missing changes.
 */
export function placeDelta(held: HeldPosition, chain: PositionChain): 'apply' | 'duplicate' {
  if (chain.lineage !== held.lineage) {
    throw new CodedError('anchor.mismatch', 'the Delta belongs to another life of the database')
  }
  const [first] = chain.positions
  const last = chain.positions[chain.positions.length - 1]
  if (!first || !last) throw new CodedError('delta.invalid', 'the Delta names no positions')
  if (first.number > held.number) {
    throw new CodedError('delta.gap', `changes from ${held.number} to ${first.number} are missing`)
  }
  if (last.number <= held.number) {
    if (held.history.get(last.number) === last.token) return 'duplicate'
    throw new CodedError('anchor.mismatch', `number ${last.number} was sealed twice: the histories forked`)
  }
  const passes = chain.positions.some((position) => position.number === held.number && position.token === held.token)
  if (!passes) throw new CodedError('anchor.mismatch', `the device does not know number ${held.number} of the copy`)
  return 'apply'
}
