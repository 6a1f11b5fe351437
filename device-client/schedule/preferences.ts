/**
 * How a database is backed up: the user's choice per database, with defaults that suit a small nightly backup.
 */

import type { BackupMethod, TimeMachineChoice } from '../../schemas/backupChoice.ts'
import { CodedError } from '../../schemas/errors.ts'

/** A part of the day in minutes after midnight, `[after, before)`; it crosses midnight if `after` > `before`. */
export interface TimeWindow {
  readonly afterMinute: number
  readonly beforeMinute: number
}

export interface BackupPreferences {
  readonly method: BackupMethod
  /** Whether the server shall keep older states; absent: it shall. */
  readonly timeMachine?: TimeMachineChoice
  /** Days after which a differential begins with a whole file anew; absent: `DEFAULT_FULL_EVERY_DAYS`. */
  readonly fullEveryDays?: number
  readonly enabled: boolean
  /** Cron expression in the device's time zone. */
  readonly cron: string
  /** Scheduled runs happen only inside; absent: at any time. */
  readonly window?: TimeWindow
  /** Runs are put off by up to this much, the same on one day of one device, in milliseconds. */
  readonly jitterMs: number
}

export const DEFAULT_FULL_EVERY_DAYS = 7

/** Every night at two, spread over an hour, so that a fleet does not come all at once. */
export const DEFAULT_PREFERENCES: BackupPreferences = {
  method: 'delta',
  enabled: true,
  cron: '0 2 * * *',
  jitterMs: 60 * 60_000,
}

/** `22:00-06:00` → a window. @throws {CodedError} `config.invalid` for anything else. */
export function parseWindow(text: string): TimeWindow {
  const match = /^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$/.exec(text)
  const [afterHour = 99, afterRest = 0, beforeHour = 99, beforeRest = 0] = (match ?? []).slice(1).map(Number)
  const afterMinute = afterHour * 60 + afterRest
  const beforeMinute = beforeHour * 60 + beforeRest
  const valid = afterRest < 60 && beforeRest < 60 && afterMinute < 1440 && beforeMinute <= 1440
  if (!valid || afterMinute === beforeMinute) {
    throw new CodedError('config.invalid', `not a window: ${text}`, { next: 'Write it like 22:00-06:00.' })
  }
  return { afterMinute, beforeMinute }
}

/** A window as `22:00-06:00`. */
export function formatWindow(window: TimeWindow): string {
  const clock = (minute: number) =>
    `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
  return `${clock(window.afterMinute)}-${clock(window.beforeMinute)}`
}

/** True if `minute` of the day lies in `window`. */
export function isInWindow(window: TimeWindow, minute: number): boolean {
  const { afterMinute, beforeMinute } = window
  if (afterMinute < beforeMinute) return minute >= afterMinute && minute < beforeMinute
  return minute >= afterMinute || minute < beforeMinute
}
