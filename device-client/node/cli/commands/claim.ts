/** `nightferry-device claim`: this installation goes on as the device, and no copy of it does. */

import { textOf } from '../../../../schemas/cli/commandTable.ts'
import { type AgentCommand, withWorkLock } from '../agentContext.ts'
import { PASSWORD_OPTION } from '../ownerPassword.ts'
import { readSecret } from '../readSecret.ts'

export const claim: AgentCommand = {
  spec: {
    name: 'claim',
    summary: 'let this installation go on as the device, where there are copies of it',
    args: [],
    options: [PASSWORD_OPTION],
  },
  run: (context, input) =>
    withWorkLock(context, async () => {
      const { user } = await context.records.identity()
      const password = await readSecret(`Password of ${user}`, textOf(input, 'password-file'), context.environment)
      const report = await context.client.claim(password)
      return { json: { ...report }, text: `this installation goes on as ${report.device}; others are refused\n` }
    }),
}
