/** `nightferry-device pin`: a restore point stays, whatever the server's policy says. */

import { textOf } from '../../../../schemas/cli/commandTable.ts'
import { formatTime } from '../../../../schemas/cli/formatTable.ts'
import type { AgentCommand } from '../agentContext.ts'
import { parseAt } from '../parseAt.ts'

export const pin: AgentCommand = {
  spec: {
    name: 'pin',
    summary: 'keep a restore point for good; only the operator can take that back',
    args: [
      { name: 'DATABASE', summary: 'name of the backup' },
      { name: 'POINT', summary: 'name or number of a restore point, a time, or latest' },
    ],
    options: [{ name: 'reason', value: 'TEXT', summary: 'why, as the lists show it' }],
  },
  run: async (context, input) => {
    const database = textOf(input, 'DATABASE') ?? ''
    const at = parseAt(textOf(input, 'POINT') ?? '')
    const pinned = await context.client.pin(database, at, textOf(input, 'reason') ?? '')
    return {
      json: { database, ...pinned },
      text: `${database}: point ${pinned.point} of ${formatTime(pinned.takenAt)} (number ${pinned.number}) is pinned\n`,
    }
  },
}
