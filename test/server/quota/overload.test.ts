/** When there is too much to do, and for how long devices are sent away. */

import { expect, it } from 'vitest'
import { createOverload, retryAfterS, type WorkWaits } from '../../../server/quota/overload.ts'
import { FairQueue, type JobOwner } from '../../../server/worker/fairQueue.ts'
import fc from '../../support/properties.ts'

it('[QT-13] all are sent away when all wait, one account when only its own jobs do', () => {
  let now = 0
  let waits: WorkWaits = { all: 0, ofAccount: new Map() }
  let looks = 0
  const look = (): WorkWaits => {
    looks++
    return waits
  }
  const overload = createOverload({ limitMs: 10_000, waits: look, now: () => now, random: () => 0.5 })
  expect([overload.deferAll(), overload.deferAccount('greedy')]).toEqual([undefined, undefined])
  waits = { all: 0, ofAccount: new Map([['greedy', 30_000]]) }
  now = 250
  expect([overload.deferAll(), overload.deferAccount('greedy'), overload.deferAccount('b')]).toEqual([
    ...[undefined, 60, undefined],
  ])
  waits = { all: 20_000, ofAccount: new Map() }
  now = 500
  expect(overload.deferAll()).toBe(40)
  for (let i = 0; i < 1000; i++) overload.deferAll()
  expect(looks).toBe(3)
  const never = createOverload({ limitMs: 0, waits: look, now: () => now, random: () => 0 })
  expect(never.deferAll()).toBeUndefined()
})

it('[QT-13] the time is bounded, grows with the queue, and differs', () => {
  fc.assert(
    fc.property(fc.nat({ max: 10_000_000 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (waitMs, random) => {
      const seconds = retryAfterS(waitMs, random)
      expect(seconds).toBeGreaterThanOrEqual(10)
      expect(seconds).toBeLessThanOrEqual(300)
    }),
  )
  expect([retryAfterS(20_000, 0), retryAfterS(20_000, 0.99)]).toEqual([20, 60])
})

it('[QT-13] an account that keeps all places busy makes only itself wait', () => {
  let now = 0
  const queue = new FairQueue<{ owner: JobOwner }>(2, () => now)
  const job = (accountId: string, deviceId: string) => ({ owner: { accountId, deviceId } })
  for (let i = 0; i < 10; i++) queue.push(job('greedy', `d${i}`))
  queue.take()
  queue.take()
  now = 40_000
  expect(queue.waits()).toEqual({ all: 0, ofAccount: new Map([['greedy', 40_000]]) })
  queue.push(job('b', 'd'))
  now = 41_000
  expect(queue.waits().all).toBe(1000)
  const first = queue.take()
  expect(first?.owner.accountId).toBe('b')
  expect(queue.waits().all).toBe(0)
  // A device that did harm waits on purpose.
  if (first) queue.ended(first, true)
  queue.push(job('b', 'd'))
  now = 45_000
  expect(queue.waits()).toEqual({ all: 0, ofAccount: new Map([['greedy', 45_000]]) })
})
