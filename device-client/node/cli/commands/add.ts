/** `nightferry-device add`: puts a database under backup. */

import { resolve } from 'node:path'
import { textOf } from '../../../../schemas/cli/commandTable.ts'
import { CodedError } from '../../../../schemas/errors.ts'
import { type AgentCommand, withWorkLock } from '../agentContext.ts'
import { PREFERENCE_OPTIONS, readPreferences } from '../preferenceOptions.ts'

export const add: AgentCommand = {
  spec: {
    name: 'add',
    summary: 'observe a database, or back up a folder of files, from now on',
    args: [{ name: 'PATH', summary: 'the SQLite file, or the folder', path: true }],
    options: [
      { name: 'name', value: 'NAME', summary: "name of the backup (default: the file's name without its ending)" },
      {
        name: 'tracking',
        value: 'HOW',
        summary: 'triggers (observers inside the database) or compare (it is never altered) (default: triggers)',
      },
      ...PREFERENCE_OPTIONS,
    ],
  },
  run: (context, input) =>
    withWorkLock(context, async () => {
      const name = textOf(input, 'name')
      const entry = await context.client.add({
        path: resolve(textOf(input, 'PATH') ?? ''),
        preferences: await readPreferences(input),
        ...readTracking(textOf(input, 'tracking')),
        ...(name === undefined ? {} : { name }),
      })
      const what = entry.kind === 'files' ? 'is backed up as files' : 'is observed'
      return { json: { ...entry }, text: `${entry.name} ${what}: ${entry.path}\n` }
    }),
}

function readTracking(text: string | undefined): { tracking?: 'triggers' | 'compare' } {
  if (text === undefined) return {}
  if (text === 'triggers' || text === 'compare') return { tracking: text }
  throw new CodedError('config.invalid', `not a way of tracking: ${text}`, { next: 'Say triggers or compare.' })
}
