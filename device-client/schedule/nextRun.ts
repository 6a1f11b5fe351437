/**
 * When a database is backed up next, and why a run came late: a pure function of the preferences, of what was done so
 * far and of the time (DC-30 to DC-34).
 *
 * A slot is a moment the cron expression names; a run is the slot moved into the window and put off by the jitter.
 * Slots that passed without a success are one missed run: it is caught up at the next chance.
 */

import { type BackupPreferences, isInWindow, type TimeWindow } from './preferences.ts'
import { dayAfter, type LocalTime, localTimeOf, momentOf } from './wallClock.ts'

/** A cron expression, taken apart by whoever knows the notation. */
export interface CronTimes {
  /** Minutes of the day, rising. */
  readonly minutes: readonly number[]
  /** `month` is 1 to 12. */
  matchesDay(year: number, month: number, day: number): boolean
}

/** Why a run did not happen, or not succeed, at its time. */
export type MissedReason =
  | 'agent-not-running'
  | 'machine-asleep'
  | 'agent-busy'
  | 'server-unreachable'
  | 'server-busy'
  | 'quota-exceeded'
  | 'database-locked'
  | 'failed'

/** What one database's schedule remembers; all moments in milliseconds since 1970. */
export interface ScheduleState {
  /** Slots up to here are done with; at first the moment the schedule was set. */
  readonly doneUntil: number
  /** When the server would have the next run; counts if it lies where that run may be (DC-121). */
  readonly suggestedAt?: number
  /** The last attempt since then, if it failed. */
  readonly failure?: { readonly at: number; readonly reason: MissedReason; readonly attempts: number }
}

/** What is known about the agent itself. */
export interface AgentState {
  /** When this process began to watch. */
  readonly runningSince: number
  /** Until when it was busy with other databases, if it was. */
  readonly busyUntil?: number
  /** Stable per device; spreads the jitter. */
  readonly deviceId: string
  readonly timeZone: string
}

export type NextRun =
  | { readonly kind: 'never' }
  | { readonly kind: 'planned'; readonly at: number; readonly slot: number }
  /** The run of `slot` was missed and comes at `at`. */
  | {
      readonly kind: 'catch-up'
      readonly at: number
      readonly slot: number
      readonly plannedAt: number
      readonly reason: MissedReason
      /** True if only the window keeps it from running now. */
      readonly waitsForWindow: boolean
    }

/** How late a run may begin without being called missed. */
export const TOLERANCE_MS = 60_000

const MINUTE_MS = 60_000
const FIRST_PAUSE_MS = 60_000
const LONGEST_PAUSE_MS = 30 * 60_000
/** What was refused will be refused again until somebody did something. */
const QUOTA_PAUSE_MS = 6 * 3_600_000
/** 29 February comes at most eight years after the last; beyond, an expression names no day at all. */
const SEARCH_DAYS = 366 * 8 + 2

/** The next run of a database. `at` is never before `now`, except that a run that is due stands at its own time. */
export function nextRun(
  preferences: BackupPreferences,
  cron: CronTimes,
  state: ScheduleState,
  agent: AgentState,
  now: number,
): NextRun {
  const slot = preferences.enabled ? nextSlot(cron, agent.timeZone, state.doneUntil) : undefined
  if (slot === undefined) return { kind: 'never' }
  const plannedAt = suggestedRun(slot, preferences, cron, state, agent) ?? runOf(slot, preferences, agent)
  const failed = state.failure !== undefined && state.failure.at >= plannedAt ? state.failure : undefined
  if (failed === undefined && now <= plannedAt + TOLERANCE_MS) return { kind: 'planned', at: plannedAt, slot }

  const earliest = failed === undefined ? now : Math.max(now, failed.at + pauseMs(failed))
  const at = intoWindow(earliest, preferences.window, agent.timeZone)
  const reason = failed?.reason ?? missedReason(plannedAt, agent)
  return { kind: 'catch-up', at, slot, plannedAt, reason, waitsForWindow: at > earliest }
}

/** The last slot that a run at `now` settles: all that have passed. */
export function settledUntil(cron: CronTimes, timeZone: string, slot: number, now: number): number {
  const later = nextSlot(cron, timeZone, slot)
  return later !== undefined && later <= now ? now : slot
}

/** The first slot after `after`, or undefined if the expression names none. */
export function nextSlot(cron: CronTimes, timeZone: string, after: number): number | undefined {
  const today = localTimeOf(after, timeZone)
  // One day back: where clocks are set back over midnight, yesterday's slots can still lie ahead.
  for (let days = -1; days < SEARCH_DAYS; days++) {
    const day = dayAfter(today, days)
    if (!cron.matchesDay(day.year, day.month, day.day)) continue
    for (const minute of cron.minutes) {
      const moment = momentOf({ ...day, minute }, timeZone)
      if (moment > after) return moment
    }
  }
  return undefined
}

/** The jitter of a device on a local day: 0 to `jitterMs`, the same each time it is asked. */
export function jitterOf(deviceId: string, day: LocalTime, jitterMs: number): number {
  // FNV-1a: spreads well enough, and needs no cryptography.
  let hash = 0x811c9dc5
  for (const character of `${deviceId}/${day.year}-${day.month}-${day.day}`) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0
  }
  return Math.floor(((hash >>> 0) / 0x1_0000_0000) * jitterMs)
}

/** The suggested time, if the run of `slot` may be then. */
function suggestedRun(
  slot: number,
  preferences: BackupPreferences,
  cron: CronTimes,
  { suggestedAt }: ScheduleState,
  { timeZone }: AgentState,
): number | undefined {
  if (suggestedAt === undefined) return undefined
  const span = runSpan(slot, preferences, cron, timeZone)
  return span && suggestedAt >= span.from && suggestedAt <= span.until ? suggestedAt : undefined
}

/**
 * When the run of `slot` may be: from its window's opening (or the slot) until the window closes; without a window, as
 * long as jitter may put it off. It ends before the next slot. Undefined if there is nothing to choose (DC-120).
 */
export function runSpan(
  slot: number,
  { window, jitterMs }: BackupPreferences,
  cron: CronTimes,
  timeZone: string,
): { readonly from: number; readonly until: number } | undefined {
  if (jitterMs === 0) return undefined
  const from = intoWindow(slot, window, timeZone)
  const latest = window === undefined ? from + jitterMs : windowEnd(from, window, timeZone) - MINUTE_MS
  const following = nextSlot(cron, timeZone, slot) ?? latest
  const until = following > from ? Math.min(latest, following - MINUTE_MS) : latest
  return until > from ? { from, until } : undefined
}

function runOf(slot: number, preferences: BackupPreferences, agent: AgentState): number {
  const { window, jitterMs } = preferences
  const opened = intoWindow(slot, window, agent.timeZone)
  const jittered = opened + jitterOf(agent.deviceId, localTimeOf(slot, agent.timeZone), jitterMs)
  // Jitter must not carry a run out of its window: then the part of it that fits.
  if (window === undefined || inWindow(jittered, window, agent.timeZone)) return jittered
  const leftMs = windowEnd(opened, window, agent.timeZone) - opened
  return opened + jitterOf(agent.deviceId, localTimeOf(slot, agent.timeZone), Math.min(jitterMs, leftMs - MINUTE_MS))
}

function intoWindow(at: number, window: TimeWindow | undefined, timeZone: string): number {
  if (window === undefined || inWindow(at, window, timeZone)) return at
  return nextSlot({ minutes: [window.afterMinute], matchesDay: () => true }, timeZone, at) ?? at
}

function windowEnd(at: number, window: TimeWindow, timeZone: string): number {
  return nextSlot({ minutes: [window.beforeMinute % 1440], matchesDay: () => true }, timeZone, at) ?? at
}

function inWindow(at: number, window: TimeWindow, timeZone: string): boolean {
  return isInWindow(window, localTimeOf(at, timeZone).minute)
}

function pauseMs({ reason, attempts }: NonNullable<ScheduleState['failure']>): number {
  if (reason === 'quota-exceeded') return QUOTA_PAUSE_MS
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempts - 1, 10))
}

function missedReason(plannedAt: number, agent: AgentState): MissedReason {
  if (agent.runningSince > plannedAt) return 'agent-not-running'
  if (agent.busyUntil !== undefined && agent.busyUntil > plannedAt) return 'agent-busy'
  // The agent was there and had nothing else to do, so time itself stood still for it.
  return 'machine-asleep'
}
