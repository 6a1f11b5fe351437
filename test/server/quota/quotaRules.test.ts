/** What quotas mean. */

import { describe, expect, it } from 'vitest'
import {
  changeOverrides,
  largestUpload,
  levelOf,
  limitsOf,
  MEGABYTE,
  nearestStored,
  type QuotaUsage,
  refusalOfWish,
  roomLeft,
} from '../../../server/quota/quotaRules.ts'

const none = { storedMb: 0, databases: 0, uploadMb: 0, sessionsPerHour: 0 }
const usage = (storedMb: number, limits: Partial<typeof none>, databases = 3, of: 'account' | 'device' = 'device') =>
  ({ of, storedBytes: storedMb * MEGABYTE, databases, limits: { ...none, ...limits } }) satisfies QuotaUsage
const changes = { kind: 'changes' } as const
const whole = (bytesMb = 0, isNew = false) => ({ kind: 'whole', isNew, bytes: bytesMb * MEGABYTE }) as const

describe('limits', () => {
  it('[QT-1] what was set counts before the default, 0 is none, null is the default', () => {
    const defaults = { storedMb: 100, databases: 10, uploadMb: 5, sessionsPerHour: 60 }
    expect(limitsOf(defaults)).toEqual(defaults)
    expect(limitsOf(defaults, { storedMb: 0, databases: null, uploadMb: 7 })).toEqual({
      ...{ storedMb: 0, databases: 10, uploadMb: 7, sessionsPerHour: 60 },
    })
  })

  it('[QT-1] a change leaves what it does not name', () => {
    const set = { storedMb: 1, databases: 2, uploadMb: null, sessionsPerHour: 4 }
    expect(changeOverrides(set, { databases: null, uploadMb: 9 })).toEqual({
      ...{ storedMb: 1, databases: null, uploadMb: 9, sessionsPerHour: 4 },
    })
    expect(changeOverrides({}, {})).toEqual({ storedMb: null, databases: null, uploadMb: null, sessionsPerHour: null })
  })
})

describe('octets', () => {
  it.each([
    [89, 'free', false, false],
    [90, 'near', false, false],
    [99, 'near', false, false],
    [100, 'full', true, false],
    [124, 'full', true, false],
    [125, 'refused', true, true],
  ])('[QT-4, QT-5] %s of 100 MB: %s; a whole file refused: %s, changes: %s', (used, level, refused, changesRefused) => {
    const usages = [usage(used, { storedMb: 100 })]
    expect(levelOf(usages[0] as QuotaUsage)).toBe(level)
    expect(refusalOfWish(whole(), usages) !== undefined).toBe(refused)
    expect(refusalOfWish(changes, usages) !== undefined).toBe(changesRefused)
  })

  it('[QT-5] a whole file must fit into what is left, to the octet', () => {
    const usages = [usage(60, { storedMb: 100 })]
    expect(refusalOfWish(whole(40), usages)).toBeUndefined()
    expect(refusalOfWish({ ...whole(), bytes: 40 * MEGABYTE + 1 }, usages)).toMatchObject({ what: 'stored' })
    expect(roomLeft(usages)).toBe(40 * MEGABYTE)
    expect(roomLeft([usage(101, { storedMb: 100 })])).toBe(0)
    expect(roomLeft([usage(101, {})])).toBeUndefined()
  })

  it("[QT-1] the account's quota holds beside the device's; the one nearer to its end is told", () => {
    const usages = [usage(10, { storedMb: 100 }), usage(990, { storedMb: 1000 }, 50, 'account')]
    expect(refusalOfWish(whole(11), usages)?.use).toEqual({
      ...{ used: 990 * MEGABYTE, limit: 1000 * MEGABYTE, of: 'account' },
    })
    expect(nearestStored(usages)?.of).toBe('account')
    expect(nearestStored([usage(5, {})])).toBeUndefined()
  })
})

it('[QT-5] one database too many is refused, whole files of those that are there are not', () => {
  const usages = [usage(0, { databases: 3 })]
  expect(refusalOfWish(whole(1, true), usages)).toMatchObject({ what: 'databases', use: { used: 3, limit: 3 } })
  expect(refusalOfWish(whole(1, false), usages)).toBeUndefined()
  expect(refusalOfWish(changes, usages)).toBeUndefined()
})

it('[QT-7] the smallest of the limits of uploads holds', () => {
  expect(largestUpload([usage(0, { uploadMb: 5 }), usage(0, { uploadMb: 3 }, 0, 'account')])).toBe(3 * MEGABYTE)
  expect(largestUpload([usage(0, {})])).toBeUndefined()
})
