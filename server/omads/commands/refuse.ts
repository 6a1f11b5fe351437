/**
 * Commands that are not executed: those we do not implement, and those a rule forbids (OM-5, OM-12).
 * Nothing is dropped in silence: contents of a refused container get their Status too.
 */

import { STATUS } from '../../../schemas/syncml/codes.ts'
import type { Command, Item } from '../../../schemas/syncml/message.ts'
import { type CommandContext, owe, refsOf, type StatusDetails } from './commandContext.ts'

/** Refuses `command` with `status`, or with what fits a command we do not implement. */
export function refuse(context: CommandContext, command: Command, status: number | undefined): void {
  if (command.name === 'Status') return
  owe(context, command, status ?? ownStatus(command.name), details(command))
  if (command.name !== 'Atomic' && command.name !== 'Sequence' && command.name !== 'Sync') return
  for (const inner of command.commands) refuse(context, inner, status ?? STATUS.notExecuted)
}

function ownStatus(name: Command['name']): number {
  switch (name) {
    case 'Exec':
    case 'Search':
      return STATUS.commandNotImplemented
    case 'Atomic':
    case 'Sequence':
      return STATUS.optionalFeatureNotSupported
    default:
      return STATUS.commandNotAllowed
  }
}

function details(command: Exclude<Command, { name: 'Status' }>): StatusDetails {
  if (command.name === 'Sync' || command.name === 'Map') {
    return { targetRef: command.target?.locUri, sourceRef: command.source?.locUri }
  }
  const items: readonly Item[] = 'items' in command ? command.items : []
  return items.length === 1 ? refsOf(items[0]) : {}
}
