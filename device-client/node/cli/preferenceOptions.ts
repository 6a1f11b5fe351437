/** The options of `add` and `configure` that say how a database is backed up. */

import { type CommandInput, type OptionSpec, textOf } from '../../../schemas/cli/commandTable.ts'
import { CodedError } from '../../../schemas/errors.ts'
import { BACKUP_METHODS, type BackupMethod, type BackupPreferences, parseWindow } from '../../schedule/preferences.ts'

export const PREFERENCE_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'method',
    value: 'METHOD',
    summary: 'delta: only what changed; full: the whole file',
    choices: BACKUP_METHODS,
  },
  { name: 'cron', value: 'EXPRESSION', summary: 'when to back up, e.g. "0 2 * * *" (time zone of this device)' },
  { name: 'window', value: 'FROM-TO', summary: 'only between these times, e.g. 22:00-06:00 (00:00-24:00: always)' },
  { name: 'jitter', value: 'MINUTES', summary: 'put runs off by up to this many minutes' },
]

/** The preferences that were given. @throws {CodedError} `config.invalid`. */
export async function readPreferences(input: CommandInput): Promise<Partial<BackupPreferences>> {
  const method = textOf(input, 'method') as BackupMethod | undefined
  const cron = textOf(input, 'cron')
  const window = textOf(input, 'window')
  const jitter = textOf(input, 'jitter')
  if (cron !== undefined) (await import('../cron.ts')).parseCron(cron)
  return {
    ...(method === undefined ? {} : { method }),
    ...(cron === undefined ? {} : { cron }),
    ...(window === undefined ? {} : { window: parseWindow(window) }),
    ...(jitter === undefined ? {} : { jitterMs: parseJitter(jitter) }),
  }
}

function parseJitter(text: string): number {
  const minutes = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN
  if (minutes <= 1440) return minutes * 60_000
  throw new CodedError('config.invalid', `not a number of minutes: ${text}`, { next: 'Give 0 to 1440.' })
}
