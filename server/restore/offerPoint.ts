/** What can be had in place of a state that is damaged on the server (RS-20). */

import { CodedError } from '../../schemas/errors.ts'
import type { DatabaseKey } from '../catalogue/catalogue.ts'
import type { PlacedPoint, TimeMachine } from '../timeMachine/timeMachine.ts'
import { type ProofSourceParts, proveSource } from './proofs.ts'

/** States that are tried: of the damaged file, and of others. Each is restored to prove it. */
const MOST_TRIES = 3

export interface OfferParts extends ProofSourceParts {
  readonly timeMachine: Pick<TimeMachine, 'listPoints'>
}

/** The state that cannot be restored: its file, and its name unless it is the newest. */
export interface DamagedState {
  readonly copyId: string
  readonly token: string | undefined
}

/**
 * The refusal of a damaged state. It names the newest other one that was restored just now to prove it, if there is any.
 * Those in other files come first: the damage may reach further than what was read.
 */
export async function refuseDamaged(
  parts: OfferParts,
  key: DatabaseKey,
  damaged: DamagedState,
  cause: CodedError,
): Promise<CodedError> {
  const others = (await parts.timeMachine.listPoints(key)).filter((point) =>
    damaged.token === undefined ? !point.isLatest : point.token !== damaged.token,
  )
  const isBeside = ({ copy }: PlacedPoint): boolean => copy.copyId === damaged.copyId
  const tried = [
    ...others.filter((point) => !isBeside(point)).slice(0, MOST_TRIES),
    ...others.filter(isBeside).slice(0, MOST_TRIES),
  ]
  for (const point of tried) {
    if (!(await isSound(parts, key, point))) continue
    const taken = new Date(point.takenAt).toISOString()
    const name = point.isLatest ? 'latest' : point.token
    return new CodedError('restore.damaged', 'this state is damaged on the server', {
      cause,
      next: `The one of ${taken} can be restored: ask for point ${name}.`,
    })
  }
  return new CodedError('restore.damaged', 'this state is damaged on the server, and so are the others', {
    cause,
    next: 'If the device still has its database, back it up as a whole; else the operator has to bring a copy back.',
  })
}

async function isSound(parts: OfferParts, key: DatabaseKey, { copy, isHead, token }: PlacedPoint): Promise<boolean> {
  try {
    const { kind } = await proveSource(parts, copy, key, isHead ? undefined : token)
    return kind === 'proven'
  } catch (cause) {
    if (cause instanceof CodedError && ['storage.corrupt', 'key.wrong', 'storage.unavailable'].includes(cause.code))
      return false
    throw cause
  }
}
