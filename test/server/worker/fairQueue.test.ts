/** Whose job is next. */

import { expect, it } from 'vitest'
import { FairQueue, type JobOwner } from '../../../server/worker/fairQueue.ts'

interface Job {
  readonly owner: JobOwner
}

const job = (accountId: string, deviceId = 'd'): Job => ({ owner: { accountId, deviceId } })

it('[BK-19] a device has one job at work, however many it brings', () => {
  const queue = new FairQueue<Job>(2)
  const many = Array.from({ length: 100 }, () => job('a'))
  const one = job('a', 'other')
  for (const task of [...many, one]) queue.push(task)
  expect(queue.take()).toBe(many[0])
  expect(queue.take()).toBe(one)
  expect(queue.hasReady()).toBe(false)
  queue.ended(one, false)
  expect(queue.take()).toBeUndefined()
})

it('[BK-19] an account without a job at work finds a place, also when the ordinary ones are taken', () => {
  const queue = new FairQueue<Job>(2)
  const fleet = Array.from({ length: 10 }, (_, i) => job('fleet', `d${i}`))
  for (const task of fleet) queue.push(task)
  expect([queue.take(), queue.take(), queue.take()]).toEqual([fleet[0], fleet[1], undefined])
  const other = job('other')
  queue.push(other)
  expect(queue.take()).toBe(other)
})

it('[BK-19] long jobs leave their places, but never the last one to the same account', () => {
  const queue = new FairQueue<Job>(2)
  const fleet = Array.from({ length: 10 }, (_, i) => job('fleet', `d${i}`))
  for (const task of fleet) queue.push(task)
  for (let i = 0; i < 3; i++) {
    const task = queue.take()
    expect(task).toBe(fleet[i])
    if (task) queue.isLong(task)
  }
  expect(queue.take()).toBeUndefined()
  const other = job('other')
  queue.push(other)
  expect(queue.take()).toBe(other)
  queue.push(job('third'))
  expect(queue.take()).toBeUndefined()
})

it('[BK-19] the account with the fewest jobs at work comes first', () => {
  const queue = new FairQueue<Job>(4)
  const fleet = Array.from({ length: 3 }, (_, i) => job('fleet', `d${i}`))
  for (const task of fleet) queue.push(task)
  queue.take()
  const other = job('other')
  queue.push(other)
  expect([queue.take(), queue.take()]).toEqual([other, fleet[1]])
})

it('[BK-19] a device whose job was killed waits behind all others, for a minute', () => {
  let now = 0
  const queue = new FairQueue<Job>(1, () => now)
  const [killed, again, light] = [job('heavy'), job('heavy'), job('light')]
  queue.push(killed)
  queue.take()
  expect(queue.isBehind(killed.owner)).toBe(false)
  queue.ended(killed, true)
  expect(queue.isBehind(again.owner)).toBe(true)
  expect(queue.isBehind(light.owner)).toBe(false)
  queue.push(again)
  queue.push(light)
  expect(queue.take()).toBe(light)
  expect(queue.take()).toBe(again)
  queue.ended(light, false)
  queue.ended(again, false)
  now = 61_000
  queue.push(again)
  queue.push(light)
  expect(queue.take()).toBe(again)
  expect(queue.isBehind(again.owner)).toBe(false)
})

it('[BK-19] what waits at the end is handed back', () => {
  const queue = new FairQueue<Job>(2)
  const tasks = [job('a'), job('b')]
  for (const task of tasks) queue.push(task)
  expect(queue.drain()).toEqual(tasks)
  expect(queue.hasReady()).toBe(false)
})
