/**
 * The registry of commands: which file serves which element of a SyncBody.
 */

import { STATUS } from '../../../schemas/syncml/codes.ts'
import type { Command } from '../../../schemas/syncml/message.ts'
import { runAlert } from './alert.ts'
import { type CommandContext, owe, takeTurns } from './commandContext.ts'
import { runDescription, runGet } from './deviceInformation.ts'
import { runMap } from './map.ts'
import { refuse } from './refuse.ts'
import { runStatus } from './status.ts'
import { runSync } from './sync.ts'

/** Executes one command of a SyncBody; what it owes the client is left in `context`. */
export async function runCommand(context: CommandContext, command: Command): Promise<void> {
  await takeTurns(context)
  // After Alert 224 nothing is begun any more (reference 3.14).
  if (context.suspended && command.name !== 'Status') return refuse(context, command, STATUS.notExecutedCancelled)
  switch (command.name) {
    case 'Status':
      return runStatus(context, command)
    case 'Alert':
      return runAlert(context, command)
    case 'Sync':
      return runSync(context, command)
    case 'Map':
      return runMap(context, command)
    case 'Get':
      return runGet(context, command)
    case 'Put':
    case 'Results':
      return runDescription(context, command)
    case 'Sequence':
      owe(context, command, STATUS.ok)
      for (const inner of command.commands) await runCommand(context, inner)
      return
    default:
      return refuse(context, command, undefined)
  }
}
