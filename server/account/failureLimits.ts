/**
 * Counts failed logins and makes guessing slow without locking owners out (AC-5).
 *
 * Three counts: of one address for one subject (account or device), of one address, and of one subject from
 * everywhere. The last one only stops addresses that never succeeded for that subject, and one address alone cannot
 * fill it, because its own count stops it long before.
 */

import { isIPv6 } from 'node:net'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { CodedError } from '../../schemas/errors.ts'

/** Failures per window that are let through. */
export interface FailureLimitOptions {
  readonly perAddressAndSubject: number
  readonly perAddress: number
  readonly perSubject: number
  readonly windowS: number
}

export const DEFAULT_FAILURE_LIMITS: FailureLimitOptions = {
  perAddressAndSubject: 10,
  perAddress: 100,
  perSubject: 200,
  windowS: 15 * 60,
}

/** Who tries, and as whom. */
export interface Attempt {
  readonly address: string
  /** What is tried to get into, e.g. `account:anna` or `device:IMEI:1`. */
  readonly subject: string
}

export interface FailureLimits {
  /** @throws {CodedError} `auth.limited` if there were too many failures. */
  check(attempt: Attempt): Promise<void>
  failed(attempt: Attempt): Promise<void>
  succeeded(attempt: Attempt): Promise<void>
  /** Checks, runs `login`, and counts it as failed if it ends with `auth.invalid`. */
  guard<T>(attempt: Attempt, login: () => Promise<T>): Promise<T>
}

/** 20 days: a timer holds at most 24, and a longer one would end at once. */
const TRUST_S = 20 * 24 * 60 * 60

/** Counts in memory: a restart forgives, which an attacker cannot cause. */
export function createFailureLimits(options: FailureLimitOptions = DEFAULT_FAILURE_LIMITS): FailureLimits {
  const counter = (failures: number): RateLimiterMemory =>
    new RateLimiterMemory({ points: failures, duration: options.windowS })
  const pair = counter(options.perAddressAndSubject)
  const address = counter(options.perAddress)
  const subject = counter(options.perSubject)
  const trusted = new RateLimiterMemory({ points: 1, duration: TRUST_S })
  const exhaustedByOthers = async (keys: Keys): Promise<number | undefined> =>
    (await exhausted(address, keys.address)) ?? (await exhausted(subject, keys.subject))
  const limits: FailureLimits = {
    async check(attempt) {
      const keys = keysOf(attempt)
      const own = await exhausted(pair, keys.pair)
      const waitMs = own ?? ((await trusted.get(keys.pair)) ? undefined : await exhaustedByOthers(keys))
      if (waitMs !== undefined)
        throw new CodedError('auth.limited', 'too many failed attempts', {
          fields: { retryAfterS: Math.ceil(waitMs / 1000) },
        })
    },
    async failed(attempt) {
      const keys = keysOf(attempt)
      await Promise.all([pair.penalty(keys.pair), address.penalty(keys.address), subject.penalty(keys.subject)])
    },
    async succeeded(attempt) {
      const keys = keysOf(attempt)
      // Its own failed tries were the owner's: a digest over an older nonce after a lost answer is one (AC-13).
      const own = (await pair.get(keys.pair))?.consumedPoints ?? 0
      await Promise.all([giveBack(address, keys.address, own), giveBack(subject, keys.subject, own)])
      await pair.delete(keys.pair)
      await trusted.set(keys.pair, 1, TRUST_S)
    },
    async guard(attempt, login) {
      await limits.check(attempt)
      try {
        const result = await login()
        await limits.succeeded(attempt)
        return result
      } catch (cause) {
        if (cause instanceof CodedError && cause.code === 'auth.invalid') await limits.failed(attempt)
        throw cause
      }
    },
  }
  return limits
}

async function exhausted(limiter: RateLimiterMemory, key: string): Promise<number | undefined> {
  const state = await limiter.get(key)
  return state !== null && state.consumedPoints >= limiter.points ? state.msBeforeNext : undefined
}

async function giveBack(limiter: RateLimiterMemory, key: string, points: number): Promise<void> {
  const consumed = (await limiter.get(key))?.consumedPoints ?? 0
  if (Math.min(points, consumed) > 0) await limiter.reward(key, Math.min(points, consumed))
}

/** What an attempt is counted under. */
interface Keys {
  readonly pair: string
  readonly address: string
  readonly subject: string
}

function keysOf({ address, subject }: Attempt): Keys {
  const network = networkOf(address)
  const folded = subject.toLowerCase()
  return { pair: `${network} ${folded}`, address: network, subject: folded }
}

/** IPv6 holders own at least a /64: counting single addresses would count nothing. */
function networkOf(address: string): string {
  const mapped = address.replace(/^::ffff:(?=\d+\.)/i, '')
  if (!isIPv6(mapped)) return mapped
  const [head = '', tail] = mapped.split('%')[0]?.split('::') ?? []
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const middle =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0')
  return [...left, ...middle, ...right]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
