/**
 * The network of a simulation: messages and answers are lost, come late, or arrive again after everything else; none
 * passes while the device is parted from the server. What a killed device waits for never comes.
 */

import { CodedError } from '../../schemas/errors.ts'
import type { World } from './world.ts'

export interface SimNetworkParts {
  readonly world: World
  /** False once the process that calls was killed. */
  readonly isAlive: () => boolean
  readonly isParted: () => boolean
  /** Called after a message that came again, when its work is done. */
  readonly afterwards: () => Promise<void>
}

export interface SimNetwork {
  /** One request and its answer. @throws {CodedError} `network.unreachable` if either was lost. */
  readonly call: <T>(work: () => Promise<T>) => Promise<T>
}

/** How many fates a message can have; most are good. */
const FATES = 24
const QUICK_MS = 200
const SLOW_MS = 60_000
const VERY_LATE_MS = 90_000

export function createSimNetwork({ world, isAlive, isParted, afterwards }: SimNetworkParts): SimNetwork {
  const { chance } = world
  const travel = async (ms: number): Promise<void> => {
    await world.sleep(chance.below(ms))
    if (!isAlive()) await world.never()
  }
  const comeAgain = async (work: () => Promise<unknown>): Promise<void> => {
    await world.sleep(chance.below(chance.oneIn(2) ? 2 * QUICK_MS : VERY_LATE_MS))
    await work().catch((cause: unknown) => {
      if (!(cause instanceof CodedError)) throw cause
    })
    await afterwards()
  }
  return {
    async call(work) {
      await travel(QUICK_MS)
      const fate = chance.below(FATES)
      if (isParted() || fate === 0) throw lost()
      if (fate === 1) world.spawn(() => comeAgain(work))
      const answer = await work()
      await travel(fate === 2 ? SLOW_MS : QUICK_MS)
      if (isParted() || fate === 3) throw lost()
      return answer
    },
  }
}

function lost(): CodedError {
  return new CodedError('network.unreachable', 'the message was lost')
}
