/** `nightferry-device watch`: backs up by schedule until it is stopped. */

import { runSchedule } from '../../../schedule/runSchedule.ts'
import { ownTimeZone } from '../../../schedule/wallClock.ts'
import type { AgentCommand } from '../agentContext.ts'
import { createScheduleHost } from '../scheduleHost.ts'

export const watch: AgentCommand = {
  spec: { name: 'watch', summary: 'back up by schedule until stopped', args: [], options: [] },
  run: async (context) => {
    const { deviceId } = await context.records.identity()
    const held = context.home.lock('watch')
    try {
      const startedAt = context.clock.now()
      context.log.info('watching', { timeZone: ownTimeZone() })
      await runSchedule(createScheduleHost(context), context.clock, context.log, {
        deviceId,
        timeZone: ownTimeZone(),
        stopped: context.stopped(),
      })
      return { json: { stopped: true, watchedMs: context.clock.now() - startedAt }, text: 'stopped\n' }
    } finally {
      held.release()
    }
  },
}
