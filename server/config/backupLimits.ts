/** What the operator leaves to the users of devices (BK-26): read once, so that a wrong name is found at the start. */

import { BACKUP_METHODS, type BackupMethod } from '../../schemas/backupChoice.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { Config } from './config.ts'

/** @throws {CodedError} `config.invalid` for a method that does not exist, or for none at all. */
export function readBackupLimits({ allowMethods, timeMachine }: Pick<Config, 'allowMethods' | 'timeMachine'>): {
  readonly methods: ReadonlySet<BackupMethod>
  readonly timeMachine: 'on' | 'device'
} {
  const methods = new Set(allowMethods.map(readMethod))
  if (methods.size === 0) throw refusal('nothing')
  return { methods, timeMachine: timeMachine === 'on' ? 'on' : 'device' }
}

function readMethod(text: string): BackupMethod {
  const method = BACKUP_METHODS.find((known) => known === text)
  if (method === undefined) throw refusal(text)
  return method
}

function refusal(text: string): CodedError {
  return new CodedError(
    'config.invalid',
    `allowMethods must name some of ${BACKUP_METHODS.join(', ')}, not "${text}"`,
    {
      fields: { setting: 'allowMethods' },
      next: 'Change NIGHTFERRY_ALLOW_METHODS or --allow-methods.',
    },
  )
}
