/** `nightferry-device fence` and `unfence`: stops a lost device of the account, and lets it go on again. */

import { textOf } from '../../../../schemas/cli/commandTable.ts'
import type { AgentCommand, AgentContext } from '../agentContext.ts'
import { PASSWORD_OPTION } from '../ownerPassword.ts'
import { readSecret } from '../readSecret.ts'

const args = [{ name: 'DEVICE', summary: 'name or id of a device of the account' }]

export const fence: AgentCommand = {
  spec: {
    name: 'fence',
    summary: 'stop a lost device: it can neither back up nor restore any more',
    args,
    options: [{ name: 'reason', value: 'TEXT', summary: 'why, for people (default: lost)' }, PASSWORD_OPTION],
  },
  run: async (context, input) => {
    const change = await changeOf(context, input, textOf(input, 'reason') ?? 'lost')
    const report = await context.client.fence(change)
    return { json: { ...report }, text: `${report.device} is fenced: ${report.reason}\n` }
  },
}

export const unfence: AgentCommand = {
  spec: { name: 'unfence', summary: 'let a fenced device go on', args, options: [PASSWORD_OPTION] },
  run: async (context, input) => {
    const report = await context.client.fence(await changeOf(context, input, null))
    return { json: { ...report }, text: `${report.device} is not fenced any more\n` }
  },
}

async function changeOf(context: AgentContext, input: Parameters<AgentCommand['run']>[1], reason: string | null) {
  const { user } = await context.records.identity()
  const password = await readSecret(`Password of ${user}`, textOf(input, 'password-file'), context.environment)
  return { device: textOf(input, 'DEVICE') ?? '', password, reason }
}
