/**
 * Which restore points stay: a pure function of their times and the operator's policy. A point is the newest of its hour,
 * day, week, month or year, one of the last, or recent; whatever needs it keeps it. Rule TM-9.
 */

import { CodedError } from '../../schemas/errors.ts'

/** How many of each kind stay; `within` in hours. */
export interface RetentionPolicy {
  readonly last: number
  readonly within: number
  readonly hourly: number
  readonly daily: number
  readonly weekly: number
  readonly monthly: number
  readonly yearly: number
}

/** What is decided about. `takenAt` is the server's time, milliseconds. */
export interface DatedPoint {
  readonly token: string
  readonly takenAt: number
  readonly isPinned?: boolean
}

export interface RetentionVerdict<Point extends DatedPoint> {
  readonly point: Point
  /** What keeps it, such as `daily`; it is dropped if nothing does. */
  readonly reasons: readonly string[]
}

const NAMES = ['last', 'within', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const
const HOUR_MS = 3_600_000

/** Names of the periods, by the time that begins them. UTC: neither devices nor a summer time move the borders. */
const PERIODS: Readonly<Record<'hourly' | 'daily' | 'weekly' | 'monthly' | 'yearly', (at: Date) => string>> = {
  hourly: (at) => at.toISOString().slice(0, 13),
  daily: (at) => at.toISOString().slice(0, 10),
  weekly: (at) => weekOf(at),
  monthly: (at) => at.toISOString().slice(0, 7),
  yearly: (at) => at.toISOString().slice(0, 4),
}

/**
 * Reads a policy such as `last=7,daily=30`; what is not named keeps nothing. One that keeps nothing at all is refused: it
 * would drop everything, and is more likely a mistake.
 * @throws {CodedError} `config.invalid`.
 */
export function parseRetention(parts: readonly string[]): RetentionPolicy {
  const policy = { last: 0, within: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 }
  for (const part of parts) {
    const [name, count, ...rest] = part.split('=').map((text) => text.trim())
    const known = NAMES.find((each) => each === name)
    if (known === undefined || count === undefined || !/^\d{1,6}$/.test(count) || rest.length > 0)
      throw new CodedError('config.invalid', `${part} does not say which restore points to keep`, {
        next: `Write a list such as last=7,daily=30; there are ${NAMES.join(', ')}.`,
      })
    policy[known] = Number(count)
  }
  if (Object.values(policy).every((count) => count === 0))
    throw new CodedError('config.invalid', 'the policy keeps no restore points', {
      next: 'Name at least one kind; --time-machine off keeps the newest state only.',
    })
  return policy
}

/**
 * Decides on the points of one database. The newest always stays.
 * @param now milliseconds; only `within` looks at it.
 * @returns a verdict for each point, newest first; points of the same time stay in their order.
 */
export function decideRetention<Point extends DatedPoint>(
  points: readonly Point[],
  policy: RetentionPolicy,
  now: number,
): readonly RetentionVerdict<Point>[] {
  const newestFirst = points.toSorted((a, b) => b.takenAt - a.takenAt)
  const seen = new Map<string, Set<string>>()
  return newestFirst.map((point, at) => {
    const reasons: string[] = []
    if (at === 0) reasons.push('newest')
    if (point.isPinned === true) reasons.push('pinned')
    if (at < policy.last) reasons.push('last')
    if (point.takenAt > now - policy.within * HOUR_MS) reasons.push('within')
    for (const [name, periodOf] of Object.entries(PERIODS)) {
      const periods = seen.get(name) ?? new Set<string>()
      seen.set(name, periods)
      const period = periodOf(new Date(point.takenAt))
      if (periods.has(period) || periods.size >= policy[name as keyof typeof PERIODS]) continue
      periods.add(period)
      reasons.push(name)
    }
    return { point, reasons }
  })
}

/** The week of ISO 8601: of the year that its Thursday is in. */
function weekOf(at: Date): string {
  const thursday = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()))
  thursday.setUTCDate(thursday.getUTCDate() + 4 - (thursday.getUTCDay() || 7))
  const year = thursday.getUTCFullYear()
  const week = Math.ceil(((thursday.getTime() - Date.UTC(year, 0, 1)) / (24 * HOUR_MS) + 1) / 7)
  return `${year}-W${String(week).padStart(2, '0')}`
}
