/** The schedule's host on Node: the agent's records and its client. */

import type { AgentRecords } from '../../agentRecords.ts'
import type { ScheduleState } from '../../schedule/nextRun.ts'
import type { ScheduleHost } from '../../schedule/runSchedule.ts'
import { parseCron } from '../cron.ts'
import { type AgentContext, withWorkLock } from './agentContext.ts'
import type { WorkTurns } from './workTurns.ts'

/** What the schedule of `context`'s databases works on; a backup waits for its turn. */
export function createScheduleHost(
  context: Pick<AgentContext, 'client' | 'records' | 'home' | 'log'>,
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
          const report = await context.client.backup(database)
          context.log.info('backup done', { database, mode: report.mode, bytesSent: report.bytesSent })
        }),
      ),
  }
}

/** The schedule's state; a backup by hand settles what was due before it. */
export async function readScheduleState(records: AgentRecords, database: string): Promise<ScheduleState | undefined> {
  const state = await records.schedule(database)
  const { lastSuccessAt } = await records.history(database)
  if (lastSuccessAt === undefined || (state !== undefined && state.doneUntil >= lastSuccessAt)) return state
  return { doneUntil: lastSuccessAt }
}
