/**
 * The network of a simulation: messages and answers are lost, come late, or arrive again after everything else; none
 * passes while the device is parted from the server. What a killed device waits for never comes.
 */

import { CodedError } from '../../schemas/errors.ts'
import type { World } from './world.ts'

/** The messages between one device and the server; shared by all its lives. */
export interface Traffic {
  /** How many the server worked on. */
  worked: number
  /** How many come later than everybody thinks. */
  late: number
}

export interface SimNetworkParts {
  readonly world: World
  readonly traffic: Traffic
  /** False once the process that calls was killed. */
  readonly isAlive: () => boolean
  readonly isParted: () => boolean
  /** Called after a message that nobody waits for, when its work is done. */
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

export function createSimNetwork({ world, traffic, isAlive, isParted, afterwards }: SimNetworkParts): SimNetwork {
  const { chance, tally } = world
  const arrive = async <T>(work: () => Promise<T>): Promise<T> => {
    traffic.worked += 1
    return work()
  }
  /** What nobody waits for any more arrives all the same. */
  const arriveLate = async (work: () => Promise<unknown>, ms: number): Promise<void> => {
    traffic.late += 1
    const before = traffic.worked
    await world.sleep(ms)
    if (traffic.worked > before) tally['message reordered'] += 1
    await arrive(work).catch((cause: unknown) => {
      if (!(cause instanceof CodedError)) throw cause
    })
    traffic.late -= 1
    await afterwards()
  }
  const lost = (what: 'request lost' | 'answer lost', isFate: boolean): CodedError => {
    tally[isFate ? what : 'network parted'] += 1
    return new CodedError('network.unreachable', 'the message was lost')
  }
  return {
    async call(work) {
      await world.sleep(chance.below(QUICK_MS))
      if (!isAlive()) {
        if (chance.oneIn(2)) {
          tally['message of a killed device'] += 1
          world.spawn(() => arriveLate(work, chance.below(QUICK_MS)))
        }
        await world.never()
      }
      const fate = chance.below(FATES)
      if (isParted() || fate === 0) throw lost('request lost', !isParted())
      if (fate === 1) {
        tally['message doubled'] += 1
        world.spawn(() => arriveLate(work, chance.below(chance.oneIn(2) ? 2 * QUICK_MS : VERY_LATE_MS)))
      }
      const answer = await arrive(work)
      if (fate === 2) tally['answer late'] += 1
      await world.sleep(chance.below(fate === 2 ? SLOW_MS : QUICK_MS))
      if (!isAlive()) await world.never()
      if (isParted() || fate === 3) throw lost('answer lost', !isParted())
      return answer
    },
  }
}
