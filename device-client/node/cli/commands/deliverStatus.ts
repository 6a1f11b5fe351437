/** `nightferry-device deliver status`: Deliveries this device has to do with. */

import { formatDelivery } from '../../../../schemas/cli/formatDelivery.ts'
import type { AgentCommand } from '../agentContext.ts'

export const deliverStatus: AgentCommand = {
  spec: { name: 'deliver status', summary: 'show downloads that this device shares', args: [], options: [] },
  run: async ({ client }) => {
    const deliveries = await client.deliveries()
    const text = deliveries.length === 0 ? 'no delivery\n' : deliveries.map(formatDelivery).join('\n')
    return { json: { deliveries }, text }
  },
}
