/** `nightferry-device sync remove`: ends a sync; items stay on both sides. */

import { textOf } from '../../../../schemas/cli/commandTable.ts'
import { type AgentCommand, withWorkLock } from '../agentContext.ts'

export const syncRemove: AgentCommand = {
  spec: {
    name: 'sync remove',
    summary: 'end a sync; the items stay on both sides',
    args: [{ name: 'NAME', summary: 'name of the sync' }],
    options: [],
  },
  run: (context, input) =>
    withWorkLock(context, async () => {
      const name = textOf(input, 'NAME') ?? ''
      await (await context.openSyncs()).remove(name)
      return { json: { name, removed: true }, text: `${name} is no longer synchronized\n` }
    }),
}
