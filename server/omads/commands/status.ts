/**
 * Status of the client: what became of our Items. Unmatched ones are ignored (reference 3.7, rule 7).
 */

import type { StatusCommand } from '../../../schemas/syncml/message.ts'
import { advance, type CommandContext } from './commandContext.ts'

export function runStatus(context: CommandContext, command: StatusCommand): void {
  const msgRef = Number(command.msgRef)
  if (!Number.isSafeInteger(msgRef) || !['Add', 'Replace', 'Delete'].includes(command.cmd)) return
  advance(context, { kind: 'item-answered', msgRef, cmdRef: command.cmdRef, status: command.data })
}
