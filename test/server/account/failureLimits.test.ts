/** Counting failures: what is stopped, and who never is. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CodedError } from '../../../schemas/errors.ts'
import { createFailureLimits } from '../../../server/account/failureLimits.ts'

const options = { perAddressAndSubject: 3, perAddress: 8, perSubject: 12, windowS: 60 }
const subject = 'account:anna'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

async function failTimes(
  limits: ReturnType<typeof createFailureLimits>,
  address: string,
  times: number,
): Promise<void> {
  for (let count = 0; count < times; count++) await limits.failed({ address, subject })
}

describe('failure limits', () => {
  it('[AC-5] stop an address after its failures, until the window is over', async () => {
    const limits = createFailureLimits(options)
    await failTimes(limits, '192.0.2.1', 2)
    await limits.check({ address: '192.0.2.1', subject })
    await failTimes(limits, '192.0.2.1', 1)
    await expect(limits.check({ address: '192.0.2.1', subject })).rejects.toMatchObject({ code: 'auth.limited' })
    await limits.check({ address: '192.0.2.2', subject })
    vi.advanceTimersByTime(61_000)
    await limits.check({ address: '192.0.2.1', subject })
  })

  it('[AC-5] forget the failures of an address that then succeeds', async () => {
    const limits = createFailureLimits(options)
    await failTimes(limits, '192.0.2.1', 2)
    await limits.succeeded({ address: '192.0.2.1', subject })
    await failTimes(limits, '192.0.2.1', 2)
    await limits.check({ address: '192.0.2.1', subject })
  })

  it('[AC-5] stop an address that tries many subjects', async () => {
    const limits = createFailureLimits(options)
    for (let count = 0; count < 8; count++) await limits.failed({ address: '192.0.2.1', subject: `account:${count}` })
    await expect(limits.check({ address: '192.0.2.1', subject: 'account:new' })).rejects.toMatchObject({
      code: 'auth.limited',
    })
  })

  it('[AC-13] many devices behind one address may all need a second try', async () => {
    const limits = createFailureLimits(options)
    for (let device = 0; device < 100; device++) {
      const attempt = { address: '192.0.2.1', subject: `syncml:anna:till-${device}` }
      await limits.check(attempt)
      await limits.failed(attempt)
      await limits.succeeded(attempt)
    }
    await limits.check({ address: '192.0.2.1', subject: 'syncml:anna:new' })
  })

  it('[AC-13] a guesser is stopped, and its neighbours behind the same address are not', async () => {
    const limits = createFailureLimits(options)
    const neighbour = { address: '192.0.2.1', subject: 'syncml:anna:till' }
    await limits.succeeded(neighbour)
    for (let count = 0; count < 8; count++) await limits.failed({ address: '192.0.2.1', subject: `account:${count}` })
    await limits.check(neighbour)
    await expect(limits.check({ address: '192.0.2.1', subject: 'account:0' })).rejects.toMatchObject({
      code: 'auth.limited',
    })
  })

  it('[AC-5] stop a subject tried from many addresses, but not where its owner was before', async () => {
    const limits = createFailureLimits(options)
    await limits.succeeded({ address: '198.51.100.7', subject })
    for (let host = 1; host <= 6; host++) await failTimes(limits, `192.0.2.${host}`, 2)
    await expect(limits.check({ address: '203.0.113.9', subject })).rejects.toMatchObject({ code: 'auth.limited' })
    await limits.check({ address: '198.51.100.7', subject })
  })

  it('[AC-5] count an IPv6 network, not its single addresses', async () => {
    const limits = createFailureLimits(options)
    for (const host of ['2001:db8::1', '2001:db8:0:0:1::2', '2001:db8:0:0:ffff:1:2:3'])
      await limits.failed({ address: host, subject })
    await expect(limits.check({ address: '2001:db8::9', subject })).rejects.toMatchObject({ code: 'auth.limited' })
    await limits.check({ address: '2001:db8:0:1::1', subject })
  })

  it('[AC-5] remember where an owner was, by the real clock too', async () => {
    vi.useRealTimers()
    const limits = createFailureLimits(options)
    await limits.succeeded({ address: '198.51.100.7', subject })
    for (let host = 1; host <= 6; host++) await failTimes(limits, `192.0.2.${host}`, 2)
    await new Promise((resolve) => setTimeout(resolve, 50))
    await limits.check({ address: '198.51.100.7', subject })
  })

  it('count as failed only what was wrong, not what broke', async () => {
    const limits = createFailureLimits(options)
    const attempt = { address: '192.0.2.1', subject }
    for (let count = 0; count < 5; count++)
      await expect(
        limits.guard(attempt, () => Promise.reject(new CodedError('internal', 'broken'))),
      ).rejects.toMatchObject({ code: 'internal' })
    for (let count = 0; count < 3; count++)
      await expect(
        limits.guard(attempt, () => Promise.reject(new CodedError('auth.invalid', 'wrong'))),
      ).rejects.toMatchObject({ code: 'auth.invalid' })
    await expect(limits.guard(attempt, async () => 'in')).rejects.toMatchObject({ code: 'auth.limited' })
  })
})
