/** The options of `add` and `configure` that say how a database is backed up. */

import {
  BACKUP_METHODS,
  type BackupMethod,
  TIME_MACHINE_CHOICES,
  type TimeMachineChoice,
} from '../../../schemas/backupChoice.ts'
import { type CommandInput, type OptionSpec, textOf } from '../../../schemas/cli/commandTable.ts'
import { CodedError } from '../../../schemas/errors.ts'
import { type BackupPreferences, parseWindow } from '../../schedule/preferences.ts'

export const PREFERENCE_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'method',
    value: 'METHOD',
    summary:
      'delta: only what changed; full: the whole file; differential: all since the last whole file; copy: a file that is no database',
    choices: BACKUP_METHODS,
  },
  {
    name: 'full-every',
    value: 'DAYS',
    summary: 'a differential begins with a whole file after so many days (default: 7)',
  },
  {
    name: 'time-machine',
    value: 'ON|OFF',
    summary: 'whether the server keeps older states (default: on)',
    choices: TIME_MACHINE_CHOICES,
  },
  { name: 'cron', value: 'EXPRESSION', summary: 'when to back up, e.g. "0 2 * * *" (time zone of this device)' },
  { name: 'window', value: 'FROM-TO', summary: 'only between these times, e.g. 22:00-06:00 (00:00-24:00: always)' },
  { name: 'jitter', value: 'MINUTES', summary: 'put runs off by up to this many minutes' },
]

/** The preferences that were given. @throws {CodedError} `config.invalid`. */
export async function readPreferences(input: CommandInput): Promise<Partial<BackupPreferences>> {
  const method = textOf(input, 'method') as BackupMethod | undefined
  const timeMachine = textOf(input, 'time-machine') as TimeMachineChoice | undefined
  const fullEvery = textOf(input, 'full-every')
  const cron = textOf(input, 'cron')
  const window = textOf(input, 'window')
  const jitter = textOf(input, 'jitter')
  if (cron !== undefined) (await import('../cron.ts')).parseCron(cron)
  return {
    ...(method === undefined ? {} : { method }),
    ...(timeMachine === undefined ? {} : { timeMachine }),
    ...(fullEvery === undefined ? {} : { fullEveryDays: parseDays(fullEvery) }),
    ...(cron === undefined ? {} : { cron }),
    ...(window === undefined ? {} : { window: parseWindow(window) }),
    ...(jitter === undefined ? {} : { jitterMs: parseJitter(jitter) }),
  }
}

function parseDays(text: string): number {
  const days = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (days >= 1 && days <= 366) return days
  throw new CodedError('config.invalid', `not a number of days: ${text}`, { next: 'Give 1 to 366.' })
}

function parseJitter(text: string): number {
  const minutes = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN
  if (minutes <= 1440) return minutes * 60_000
  throw new CodedError('config.invalid', `not a number of minutes: ${text}`, { next: 'Give 0 to 1440.' })
}
