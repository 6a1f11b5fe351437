/** The command `completion` of both programs: a script that completes the program's commands in a shell. */

import { type ProgramSpec, textOf } from './commandTable.ts'
import { completionScript, SHELLS, type Shell } from './completion.ts'
import type { CommandModule } from './frame.ts'

/** The command for `program`, which is asked when the command runs: it contains this very command. */
export function createCompletion(program: () => ProgramSpec): CommandModule<unknown> {
  return {
    spec: {
      name: 'completion',
      summary: 'print a completion script',
      args: [{ name: 'SHELL', summary: 'for which shell', choices: SHELLS }],
      options: [],
    },
    run: async (_context, input) => {
      const script = completionScript(program(), textOf(input, 'SHELL') as Shell)
      return { json: { script }, text: script }
    },
  }
}
