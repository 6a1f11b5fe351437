/** `nightferry-device status`: how safe each database is now, and when its next backup comes. */

import type { AgentCommand } from '../agentContext.ts'

export const status: AgentCommand = {
  spec: { name: 'status', summary: 'show how safe each database is', args: [], options: [] },
  run: async (context) => (await import('../describeStatus.ts')).describeStatus(context),
}
