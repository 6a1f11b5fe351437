/** The schedule's host on Node: the agent's records and its client. */

import type { AgentRecords } from '../../agentRecords.ts'
import type { BackupOptions } from '../../deviceClient.ts'
import { nextSlot, runSpan, type ScheduleState } from '../../schedule/nextRun.ts'
import type { ScheduleHost } from '../../schedule/runSchedule.ts'
import { ownTimeZone } from '../../schedule/wallClock.ts'
import { parseCron } from '../cron.ts'
import { type AgentContext, withWorkLock } from './agentContext.ts'
import type { WorkTurns } from './workTurns.ts'

/** What the schedule of `context`'s databases works on; a backup waits for its turn. */
export function createScheduleHost(
  context: Pick<AgentContext, 'client' | 'records' | 'home' | 'log' | 'clock'>,
  turns: WorkTurns,
): ScheduleHost {
  return {
    databases: () => context.client.list(),
    parseCron,
    readState: (database) => readScheduleState(context.records, database),
    writeState: (database, state) => context.records.setSchedule(database, state),
    backup: (database) =>
      turns.take(() =>
        withWorkLock(context, async () => {
          const report = await context.client.backup(database, await nextWindow(context, database))
          context.log.info('backup done', { database, mode: report.mode, bytesSent: report.bytesSent })
        }),
      ),
  }
}

/** The schedule's state; a backup by hand settles what was due before it. */
export async function readScheduleState(records: AgentRecords, database: string): Promise<ScheduleState | undefined> {
  const state = await records.schedule(database)
  const { lastSuccessAt, advice } = await records.history(database)
  const suggested = advice?.slotAt === undefined ? {} : { suggestedAt: advice.slotAt }
  if (lastSuccessAt === undefined || (state !== undefined && state.doneUntil >= lastSuccessAt))
    return state && { ...state, ...suggested }
  return { doneUntil: lastSuccessAt, ...suggested }
}

/** When the run after this one may be. */
async function nextWindow(
  { client, clock }: Pick<AgentContext, 'client' | 'clock'>,
  database: string,
): Promise<BackupOptions> {
  const entry = (await client.list()).find(({ name }) => name === database)
  if (entry === undefined) return {}
  const [cron, timeZone] = [parseCron(entry.preferences.cron), ownTimeZone()]
  const slot = nextSlot(cron, timeZone, clock.now())
  const window = slot === undefined ? undefined : runSpan(slot, entry.preferences, cron, timeZone)
  return window === undefined ? {} : { window }
}
