/**
 * Quotas at work: who may begin a session, store something, and what is told of it. Rules QT-1 to QT-9.
 */

import { CodedError } from '../../schemas/errors.ts'
import type { Advice, QuotaUse } from '../../schemas/http/advice.ts'
import type { QuotaChange, QuotaLimits, QuotaReport, QuotaState } from '../../schemas/http/quotas.ts'
import { ACCOUNT_DEVICE } from '../catalogue/catalogue.ts'
import type { Quotas } from '../catalogue/quotas.ts'
import {
  changeOverrides,
  LIMIT_NAMES,
  largestUpload,
  levelOf,
  limitsOf,
  nearestStored,
  type QuotaUsage,
  refusalOfWish,
  roomLeft,
  type StoreWish,
} from './quotaRules.ts'
import { createSessionCounts } from './sessionCounts.ts'
import type { AccountUsage, UsageMeter } from './usageMeter.ts'

/** Whose quota it is; the account's and the device's hold together. */
export interface QuotaOwner {
  readonly accountId: string
  readonly deviceId: string
}

export interface QuotaParts {
  readonly quotas: Quotas
  readonly meter: UsageMeter
  /** Defaults of an account and of a device. */
  readonly account: QuotaLimits
  readonly device: QuotaLimits
  now(): number
  /** Something was refused, or is near its end; not oftener than once an hour for the same owner and quota. */
  onTold(event: QuotaEvent): void
  /** Each refusal, for the metrics. */
  onRefused(what: 'stored' | 'databases' | 'sessions'): void
}

export interface QuotaEvent extends QuotaOwner, QuotaUse {
  readonly what: 'stored' | 'databases' | 'sessions'
  readonly refused: boolean
}

export interface QuotaService {
  /** Counts a session that begins. @returns seconds to stay away if it is one too many, with the quota. */
  beginSession(owner: QuotaOwner): Promise<{ readonly retryAfterS: number; readonly use: QuotaUse } | undefined>
  /** @throws {CodedError} `quota.exceeded` if `wish` is beyond a quota. */
  admit(owner: QuotaOwner, wish: StoreWish): Promise<void>
  /** Whether the device has such a database; what it has not is new. */
  has(owner: QuotaOwner, database: string): Promise<boolean>
  /** Compressed octets of the largest upload that is taken; undefined: any. Of a whole file, what is left is a bound, too. */
  uploadBytes(owner: QuotaOwner, kind: StoreWish['kind']): Promise<number | undefined>
  /** What a device is told with an answer. */
  advise(owner: QuotaOwner): Promise<Advice>
  /** With `deviceId`, of the devices only that one. */
  report(accountId: string, deviceId?: string): Promise<QuotaReport>
  /** Of the account, if `deviceId` is empty. */
  set(owner: QuotaOwner, change: QuotaChange): Promise<void>
}

/** The same is told no oftener than this, milliseconds. */
const TELL_MS = 3_600_000
const MAX_TOLD = 10_000

export function createQuotaService(parts: QuotaParts): QuotaService {
  const { meter, now } = parts
  const sessions = createSessionCounts(now)
  const toldAt = new Map<string, number>()

  const tell = (event: QuotaEvent): void => {
    const key = JSON.stringify([
      event.of === 'account' ? '' : event.deviceId,
      event.accountId,
      event.what,
      event.refused,
    ])
    if (now() - (toldAt.get(key) ?? Number.NEGATIVE_INFINITY) < TELL_MS) return
    toldAt.delete(key)
    toldAt.set(key, now())
    for (const oldest of toldAt.keys()) {
      if (toldAt.size <= MAX_TOLD) break
      toldAt.delete(oldest)
    }
    parts.onTold(event)
  }
  const usagesOf = async ({ accountId, deviceId }: QuotaOwner): Promise<readonly QuotaUsage[]> => {
    const account = await meter.read(accountId)
    return deviceId === ACCOUNT_DEVICE
      ? [accountUsage(parts, account)]
      : [deviceUsage(parts, account, deviceId), accountUsage(parts, account)]
  }
  return {
    async beginSession(owner) {
      const counted = [JSON.stringify([owner.accountId, owner.deviceId]), JSON.stringify([owner.accountId])]
      for (const [at, { of, limits }] of (await usagesOf(owner)).entries()) {
        const key = counted[at] ?? ''
        const [limit, used] = [limits.sessionsPerHour, sessions.count(key)]
        if (limit === 0 || used < limit) continue
        const use = { used, limit, of }
        parts.onRefused('sessions')
        tell({ ...owner, ...use, what: 'sessions', refused: true })
        return { retryAfterS: sessions.secondsUntilBelow(key, limit), use }
      }
      for (const key of counted) sessions.add(key)
      return undefined
    },
    async admit(owner, wish) {
      const usages = await usagesOf(owner)
      const refusal = refusalOfWish(wish, usages)
      if (refusal === undefined) {
        const near = nearestStored(usages.filter((usage) => levelOf(usage) !== 'free'))
        if (near) tell({ ...owner, ...near, what: 'stored', refused: false })
        return
      }
      const { what, use } = refusal
      parts.onRefused(what)
      tell({ ...owner, ...use, what, refused: true })
      throw new CodedError('quota.exceeded', `${use.used} of ${use.limit} of the ${use.of} are used (${what})`, {
        fields: { ...use, what },
      })
    },
    has: async ({ accountId, deviceId }, database) =>
      (await meter.read(accountId)).devices.get(deviceId)?.databases.has(database) ?? false,
    async uploadBytes(owner, kind) {
      const usages = await usagesOf(owner)
      const bounds = [largestUpload(usages), kind === 'whole' ? roomLeft(usages) : undefined]
      const known = bounds.filter((bound) => bound !== undefined)
      return known.length === 0 ? undefined : Math.min(...known)
    },
    async advise(owner) {
      const usages = await usagesOf(owner)
      const stored = nearestStored(usages)
      const full = usages.find(({ limits, databases }) => limits.databases > 0 && databases >= limits.databases)
      const uploadBytes = largestUpload(usages)
      return {
        ...(stored && { stored }),
        ...(full && { databases: { used: full.databases, limit: full.limits.databases, of: full.of } }),
        ...(uploadBytes !== undefined && { uploadBytes }),
      }
    },
    async report(accountId, only) {
      const account = await meter.read(accountId)
      const stateOf = (usage: QuotaUsage, deviceId: string, key: string): QuotaState => ({
        storedBytes: usage.storedBytes,
        databases: usage.databases,
        sessionsLastHour: sessions.count(key),
        limits: usage.limits,
        own: LIMIT_NAMES.filter((name) => (account.set.get(deviceId)?.[name] ?? null) !== null),
        level: levelOf(usage),
      })
      const ids = new Set([...account.devices.keys(), ...account.set.keys(), ...(only === undefined ? [] : [only])])
      const devices = [...ids]
        .filter((id) => id !== '' && id !== ACCOUNT_DEVICE && (only === undefined || id === only))
        .toSorted()
        .map((deviceId) => ({
          deviceId,
          ...stateOf(deviceUsage(parts, account, deviceId), deviceId, JSON.stringify([accountId, deviceId])),
        }))
      return { account: stateOf(accountUsage(parts, account), '', JSON.stringify([accountId])), devices }
    },
    async set({ accountId, deviceId }, change) {
      const rows = await parts.quotas.list(accountId)
      const set = rows.find((row) => row.deviceId === deviceId)
      await parts.quotas.put({ accountId, deviceId, ...changeOverrides(set ?? {}, change) })
      meter.forget(accountId)
    },
  }
}

function accountUsage(parts: QuotaParts, { storedBytes, databases, set }: AccountUsage): QuotaUsage {
  return { of: 'account', storedBytes, databases, limits: limitsOf(parts.account, set.get('')) }
}

function deviceUsage(parts: QuotaParts, { devices, set }: AccountUsage, deviceId: string): QuotaUsage {
  const device = devices.get(deviceId)
  return {
    of: 'device',
    storedBytes: device?.storedBytes ?? 0,
    databases: device?.databases.size ?? 0,
    limits: limitsOf(parts.device, set.get(deviceId)),
  }
}
