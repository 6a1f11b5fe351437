/**
 * Atomic inside a Sync: all of its changes or none (reference 3.17). Its Status comes first, then those of its contents:
 * 216 what was taken back, 215 what was not begun.
 */

import { isSettled, STATUS } from '../../../schemas/syncml/codes.ts'
import type { Command, GroupCommand, Item } from '../../../schemas/syncml/message.ts'
import { messageLimit } from '../packing.ts'
import type { DatastoreLink } from '../sessionState.ts'
import { applyChanges, type Taken } from './changeBatch.ts'
import { type Answerable, type CommandContext, owe, refsOf } from './commandContext.ts'
import { refuse } from './refuse.ts'
import { type ChangeCommand, isChange, takeItems } from './sync.ts'

/** Octets of a Status, at most, beside what it refers to. */
const STATUS_BYTES = 200

interface AtomicItem {
  readonly command: ChangeCommand
  readonly item: Item
  readonly taken: Taken
}

export async function runAtomic(context: CommandContext, link: DatastoreLink, atomic: GroupCommand): Promise<void> {
  const commands = flatten(atomic.commands)
  const changes = commands.filter(isChange)
  // An Atomic in an Atomic, a Get, an object in chunks: nothing that can be taken back together.
  if (changes.length < commands.filter((c) => c.name !== 'Sequence').length || changes.some(isChunk)) {
    return refuseAll(context, atomic, STATUS.optionalFeatureNotSupported)
  }
  if (statusBytes(changes) > messageLimit(context.state.peerMaxMsgSize)) {
    return refuseAll(context, atomic, STATUS.atomicResponseTooLarge)
  }
  const items: AtomicItem[] = []
  for (const command of changes) {
    for (const { item, taken } of await takeItems(context, link, command)) items.push({ command, item, taken })
  }
  const statuses = await carryOut(context, link.uri, items)
  owe(context, atomic, statuses.every(isDone) ? STATUS.ok : STATUS.atomicFailed)
  for (const command of commands) {
    if (command.name === 'Sequence') owe(context, command, STATUS.ok)
    items.forEach((entry, at) => {
      if (entry.command === command) owe(context, command, statuses[at] ?? STATUS.commandFailed, refsOf(entry.item))
    })
  }
}

async function carryOut(context: CommandContext, uri: string, items: readonly AtomicItem[]): Promise<number[]> {
  const changes = items.flatMap(({ taken }) => ('change' in taken ? [taken.change] : []))
  // An Item that cannot be taken at all fails before anything is begun.
  if (changes.length < items.length) {
    return items.map(({ taken }) => ('status' in taken ? taken.status : STATUS.notExecuted))
  }
  return [...(await applyChanges(context, uri, changes, true))]
}

function isDone(status: number): boolean {
  return status !== STATUS.notExecuted && status !== STATUS.atomicRolledBack && isSettled(status)
}

function refuseAll(context: CommandContext, atomic: GroupCommand, status: number): void {
  owe(context, atomic, status)
  for (const inner of atomic.commands) refuse(context, inner, STATUS.notExecuted)
}

function flatten(commands: readonly Command[]): Answerable[] {
  return commands.flatMap((command) => {
    if (command.name === 'Status') return []
    return command.name === 'Sequence' ? [command, ...flatten(command.commands)] : [command]
  })
}

function isChunk(command: ChangeCommand): boolean {
  return command.items.some((item) => item.moreData === true)
}

function statusBytes(commands: readonly ChangeCommand[]): number {
  const ids = (item: Item): number => (item.source?.locUri.length ?? 0) + (item.target?.locUri.length ?? 0)
  return commands.flatMap(({ items }) => items).reduce((sum, item) => sum + STATUS_BYTES + ids(item), STATUS_BYTES)
}
