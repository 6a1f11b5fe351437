/** Whose job is next. */

import { expect, it } from 'vitest'
import { FairQueue } from '../../../server/worker/fairQueue.ts'

const job = (owner: string, id: number) => ({ owner, id })

it('[BK-19] an owner has one job at work, however many he brings', () => {
  const queue = new FairQueue<ReturnType<typeof job>>()
  for (let id = 0; id < 100; id++) queue.push(job('many', id))
  queue.push(job('one', 100))
  const first = queue.take()
  expect(first).toEqual(job('many', 0))
  expect(queue.take()).toEqual(job('one', 100))
  expect(queue.hasReady()).toBe(false)
  expect(queue.take()).toBeUndefined()
  if (first) queue.ended(first, false)
  expect(queue.take()).toEqual(job('many', 1))
})

it('[BK-19] an owner of heavy jobs waits behind all others, for a minute', () => {
  let now = 0
  const queue = new FairQueue<ReturnType<typeof job>>(() => now)
  queue.push(job('heavy', 0))
  const first = queue.take()
  if (first) queue.ended(first, true)
  queue.push(job('heavy', 1))
  queue.push(job('light', 2))
  expect(queue.take()).toEqual(job('light', 2))
  expect(queue.take()).toEqual(job('heavy', 1))
  queue.ended(job('heavy', 1), false)
  now = 61_000
  queue.push(job('heavy', 3))
  queue.push(job('other', 4))
  expect(queue.take()).toEqual(job('heavy', 3))
})

it('[BK-19] what waits at the end is handed back', () => {
  const queue = new FairQueue<ReturnType<typeof job>>()
  queue.push(job('a', 1))
  queue.push(job('b', 2))
  expect(queue.drain()).toEqual([job('a', 1), job('b', 2)])
  expect(queue.hasReady()).toBe(false)
})
