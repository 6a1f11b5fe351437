/**
 * What `watch` does: the schedule, those who ask for a backup and the server's notifications share one resident agent.
 * Rules DC-34, DC-44, DC-80.
 */

import type { CommandOutcome } from '../../../schemas/cli/commandTable.ts'
import { CodedError } from '../../../schemas/errors.ts'
import { runSchedule } from '../../schedule/runSchedule.ts'
import { ownTimeZone } from '../../schedule/wallClock.ts'
import type { AgentContext } from './agentContext.ts'
import { backUp } from './commands/backup.ts'
import { obeyNotification } from './obeyNotification.ts'
import { createScheduleHost } from './scheduleHost.ts'
import { serveRequests } from './serveRequests.ts'
import { createWorkTurns, type WorkTurns } from './workTurns.ts'

/** Watches until it is stopped; a backup at work is ended first. */
export async function watchDatabases(context: AgentContext): Promise<CommandOutcome> {
  const { deviceId } = await context.records.identity()
  const held = context.home.lock('watch')
  try {
    const startedAt = context.clock.now()
    const turns = createWorkTurns()
    const requests = await listen(context, turns)
    // Before it says so: who was told that it watches may stop it.
    const stopped = context.stopped()
    context.log.info('watching', { timeZone: ownTimeZone() })
    const following = context.client.followNotifications({
      obey: (syncs) => obeyNotification(context, turns, syncs),
      stopped,
    })
    const options = { deviceId, timeZone: ownTimeZone(), stopped }
    await runSchedule(createScheduleHost(context, turns), context.clock, context.log, options)
    await following
    await turns.idle()
    await requests?.close()
    return { json: { stopped: true, watchedMs: context.clock.now() - startedAt }, text: 'stopped\n' }
  } finally {
    held.release()
  }
}

/** Where no socket can be made the schedule goes on without one: every command then works by itself. */
async function listen(context: AgentContext, turns: WorkTurns): Promise<{ close(): Promise<void> } | undefined> {
  try {
    return await serveRequests(context.home.path, {
      follow: context.followLog,
      run: (request) => {
        if (turns.isTaken()) throw new CodedError('session.busy', 'the watching agent is at work')
        return turns.take(() => backUp(context, request.database, { full: request.full ?? false }))
      },
    })
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    context.log.warn('backups cannot be handed to this agent', { code: error.code, detail: error.message })
    return undefined
  }
}
