/** What the watching agent does when its server wakes it: the wanted backups, one after the other (DC-82). */

import { CodedError, errorEntry } from '../../../schemas/errors.ts'
import type { AlertedSync } from '../../../schemas/syncml/notification.ts'
import { wantedBackups } from '../../notify/judgeNotification.ts'
import { type AgentContext, withWorkLock } from './agentContext.ts'
import type { WorkTurns } from './workTurns.ts'

/**
 * Takes its turns like the schedule.
 *
 * @throws {CodedError} the failure of one backup, after all were tried; one that passes before any other.
 */
export async function obeyNotification(
  context: Pick<AgentContext, 'client' | 'home' | 'log'>,
  turns: WorkTurns,
  syncs: readonly AlertedSync[],
): Promise<void> {
  const { client, log } = context
  const entries = (await client.list()).filter(({ preferences }) => preferences.enabled)
  const wanted = wantedBackups(
    syncs,
    entries.map(({ name }) => name),
  )
  if (wanted.length === 0) log.warn('the server asked for nothing that is backed up here')
  const failures: unknown[] = []
  for (const { database, full } of wanted) {
    try {
      const report = await turns.take(() => withWorkLock(context, () => client.backup(database, { full })))
      log.info('backup done', { database, mode: report.mode, bytesSent: report.bytesSent })
    } catch (error) {
      const code = error instanceof CodedError ? error.code : 'internal'
      log.warn('backup failed', { database, code, detail: error instanceof Error ? error.message : String(error) })
      failures.push(error)
    }
  }
  const passing = failures.find((error) => error instanceof CodedError && errorEntry(error.code).retry === 'later')
  if (failures.length > 0) throw passing ?? failures[0]
}
