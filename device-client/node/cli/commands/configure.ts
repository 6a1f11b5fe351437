/** `nightferry-device configure`: changes how a database is backed up. */

import { textOf } from '../../../../schemas/cli/commandTable.ts'
import { CodedError } from '../../../../schemas/errors.ts'
import { type AgentCommand, withWorkLock } from '../agentContext.ts'
import { PREFERENCE_OPTIONS, readPreferences } from '../preferenceOptions.ts'

export const configure: AgentCommand = {
  spec: {
    name: 'configure',
    summary: 'change how a database is backed up',
    args: [{ name: 'NAME', summary: 'name of the backup' }],
    options: [
      ...PREFERENCE_OPTIONS,
      { name: 'enable', summary: 'back it up by schedule' },
      { name: 'disable', summary: 'leave it out of the schedule' },
    ],
  },
  run: (context, input) =>
    withWorkLock(context, async () => {
      if (input.enable === true && input.disable === true) {
        throw new CodedError('config.invalid', 'both --enable and --disable are given')
      }
      const enabled = input.enable === true ? true : input.disable === true ? false : undefined
      const preferences = { ...(await readPreferences(input)), ...(enabled === undefined ? {} : { enabled }) }
      const entry = await context.client.configure(textOf(input, 'NAME') ?? '', preferences)
      return { json: { ...entry }, text: `${entry.name} is changed\n` }
    }),
}
