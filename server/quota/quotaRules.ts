/**
 * What a quota means, as pure functions: which limits hold, how near they are, and what is refused. Rules QT-1, QT-4,
 * QT-5.
 */

import type { QuotaScope, QuotaUse } from '../../schemas/http/advice.ts'
import type { QuotaChange, QuotaLimits, QuotaState } from '../../schemas/http/quotas.ts'

export const MEGABYTE = 1024 * 1024

/** Share of a quota from which its end is told, and up to which changes of what is there are taken. */
export const NEAR_SHARE = 0.9
export const GRACE_SHARE = 1.25

/** What was set; null or absent: the default. */
export type QuotaOverrides = { readonly [Name in keyof QuotaLimits]?: number | null }

export const LIMIT_NAMES = [
  'storedMb',
  'databases',
  'uploadMb',
  'sessionsPerHour',
] as const satisfies readonly (keyof QuotaLimits)[]

/** What one account or device uses, and what it may. */
export interface QuotaUsage {
  readonly of: QuotaScope
  readonly storedBytes: number
  readonly databases: number
  readonly limits: QuotaLimits
}

/** What somebody wants to store. */
export type StoreWish =
  /** Changes of a database that is there, or of Items. */
  | { readonly kind: 'changes' }
  /** A whole file; `bytes` that it adds at least, as far as that is known. */
  | { readonly kind: 'whole'; readonly isNew: boolean; readonly bytes: number }

/** Which quota forbids it. */
export interface QuotaRefusal {
  readonly what: 'stored' | 'databases'
  readonly use: QuotaUse
}

/** The limits that hold: what was set before the defaults. */
export function limitsOf(defaults: QuotaLimits, set: QuotaOverrides = {}): QuotaLimits {
  return {
    storedMb: set.storedMb ?? defaults.storedMb,
    databases: set.databases ?? defaults.databases,
    uploadMb: set.uploadMb ?? defaults.uploadMb,
    sessionsPerHour: set.sessionsPerHour ?? defaults.sessionsPerHour,
  }
}

/** What was set after a change: what the change does not name stays. */
export function changeOverrides(set: QuotaOverrides, change: QuotaChange): Record<keyof QuotaLimits, number | null> {
  const next = (name: keyof QuotaLimits): number | null => {
    const wanted = change[name]
    return wanted === undefined ? (set[name] ?? null) : wanted
  }
  return {
    storedMb: next('storedMb'),
    databases: next('databases'),
    uploadMb: next('uploadMb'),
    sessionsPerHour: next('sessionsPerHour'),
  }
}

/** Why `wish` is refused, by the first of `usages` that forbids it; undefined if none does. */
export function refusalOfWish(wish: StoreWish, usages: readonly QuotaUsage[]): QuotaRefusal | undefined {
  for (const { of, storedBytes, databases, limits } of usages) {
    const limitBytes = limits.storedMb * MEGABYTE
    const stored: QuotaRefusal = { what: 'stored', use: { used: storedBytes, limit: limitBytes, of } }
    if (wish.kind === 'changes') {
      if (limitBytes > 0 && storedBytes >= limitBytes * GRACE_SHARE) return stored
      continue
    }
    if (limitBytes > 0 && storedBytes + Math.max(1, wish.bytes) > limitBytes) return stored
    if (wish.isNew && limits.databases > 0 && databases >= limits.databases)
      return { what: 'databases', use: { used: databases, limit: limits.databases, of } }
  }
  return undefined
}

/** Octets of the largest upload that all of `usages` allow; undefined if none forbids any. */
export function largestUpload(usages: readonly QuotaUsage[]): number | undefined {
  const limits = usages.flatMap(({ limits }) => (limits.uploadMb > 0 ? [limits.uploadMb * MEGABYTE] : []))
  return limits.length === 0 ? undefined : Math.min(...limits)
}

/** Octets that a whole file may bring; undefined: any. */
export function roomLeft(usages: readonly QuotaUsage[]): number | undefined {
  const rooms = usages.flatMap(({ storedBytes, limits }) =>
    limits.storedMb > 0 ? [Math.max(0, limits.storedMb * MEGABYTE - storedBytes)] : [],
  )
  return rooms.length === 0 ? undefined : Math.min(...rooms)
}

/** The quota of octets that is nearest to its end; undefined if there is none. */
export function nearestStored(usages: readonly QuotaUsage[]): QuotaUse | undefined {
  const uses = usages.flatMap(({ of, storedBytes, limits }) =>
    limits.storedMb > 0 ? [{ used: storedBytes, limit: limits.storedMb * MEGABYTE, of }] : [],
  )
  return uses.toSorted((a, b) => b.used / b.limit - a.used / a.limit)[0]
}

/** How near the end of its octets or databases somebody is. */
export function levelOf({ storedBytes, databases, limits }: Omit<QuotaUsage, 'of'>): QuotaState['level'] {
  const stored = limits.storedMb > 0 ? storedBytes / (limits.storedMb * MEGABYTE) : 0
  const share = Math.max(stored, limits.databases > 0 ? databases / limits.databases : 0)
  if (stored >= GRACE_SHARE) return 'refused'
  if (share >= 1) return 'full'
  return share >= NEAR_SHARE ? 'near' : 'free'
}
