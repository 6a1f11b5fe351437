/** `nightferry-device remove`: takes a database out of backup on this device. */

import { textOf } from '../../../../schemas/cli/commandTable.ts'
import { type AgentCommand, withWorkLock } from '../agentContext.ts'

export const remove: AgentCommand = {
  spec: {
    name: 'remove',
    summary: "stop observing a database; the server's copy stays",
    args: [{ name: 'NAME', summary: 'name of the backup' }],
    options: [],
  },
  run: (context, input) =>
    withWorkLock(context, async () => {
      const database = textOf(input, 'NAME') ?? ''
      await context.client.remove(database)
      return { json: { database, removed: true }, text: `${database} is no longer observed\n` }
    }),
}
