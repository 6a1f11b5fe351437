/** `nightferry-device watch`: backs up by schedule, and for whoever asks, until it is stopped. */

import type { AgentCommand } from '../agentContext.ts'

export const watch: AgentCommand = {
  spec: { name: 'watch', summary: 'back up by schedule until stopped', args: [], options: [] },
  run: async (context) => (await import('../watchDatabases.ts')).watchDatabases(context),
}
