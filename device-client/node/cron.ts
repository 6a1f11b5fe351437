/** Cron notation by node-cron: it parses and validates; when a run comes is decided in `schedule/nextRun.ts`. */

import { createTask, validateDetailed } from 'node-cron'
import { CodedError } from '../../schemas/errors.ts'
import type { CronTimes } from '../schedule/nextRun.ts'

/**
 * Takes a cron expression of five fields apart (six with seconds are refused: a backup has no seconds).
 *
 * @throws {CodedError} `config.invalid` with the field that is wrong.
 */
export function parseCron(expression: string): CronTimes {
  const words = expression.trim().split(/\s+/)
  const checked = validateDetailed(expression)
  if (!checked.valid || checked.fields === undefined || words.length !== 5) {
    const reason = checked.errors[0]?.message ?? 'it needs five fields'
    throw new CodedError('config.invalid', `not a cron expression: ${expression} (${reason})`, {
      next: 'Write minute, hour, day of month, month, day of week, e.g. "0 2 * * *".',
    })
  }
  const { hour, minute } = checked.fields
  const minutes = hour.flatMap((h) => minute.map((m) => h * 60 + m)).toSorted((a, b) => a - b)
  // The task is never started; it only tells which days match ("L", "5#2", names included).
  const days = createTask(['0', '12', ...words.slice(2)].join(' '), () => undefined, { timezone: 'UTC' })
  return { minutes, matchesDay: (year, month, day) => days.match(new Date(Date.UTC(year, month - 1, day, 12))) }
}
