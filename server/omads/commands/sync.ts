/**
 * Sync: the client's changes of one datastore. Its own Status comes before those of its contents (reference 3.7).
 */

import { STATUS } from '../../../schemas/syncml/codes.ts'
import { sameUri } from '../../../schemas/syncml/datastoreUri.ts'
import type { Command, SyncCommand } from '../../../schemas/syncml/message.ts'
import type { DatastoreLink } from '../sessionState.ts'
import { runAtomic } from './atomic.ts'
import { addToBatch, type ChangeBatch, flushBatch, isFull, newBatch, type Taken } from './changeBatch.ts'
import { type Answerable, advance, type CommandContext, findLink, owe, takeTurns } from './commandContext.ts'
import { takeDelete } from './deleteItem.ts'
import { takeCopy, takeMove } from './moveItem.ts'
import { takePut } from './putItem.ts'
import { refuse } from './refuse.ts'

/** Takes the changes of a Sync, in their order. */
export async function runSync(context: CommandContext, command: SyncCommand): Promise<void> {
  const refs = { targetRef: command.target?.locUri, sourceRef: command.source?.locUri }
  const link = findLink(context, refs.targetRef, refs.sourceRef)
  const refusal = judge(context, link, command.target?.locUri)
  owe(context, command, refusal ?? STATUS.ok, refs)
  if (refusal !== undefined || !link) {
    for (const inner of command.commands) {
      await takeTurns(context)
      refuse(context, inner, refusal ?? STATUS.notFound)
    }
    return
  }
  advance(context, { kind: 'syncing', uri: link.uri })
  const batch = newBatch(link.uri)
  await collect(context, batch, command.commands)
  await flushBatch(context, batch)
}

function judge(
  context: CommandContext,
  link: { blocked: boolean } | undefined,
  target: string | undefined,
): number | undefined {
  const { challenged } = context.state
  if (!link && challenged.some((one) => sameUri(one.target, target ?? ''))) return STATUS.missingCredentials
  if (!link) return STATUS.notFound
  if (context.state.phase !== 'open') return STATUS.commandNotAllowed
  // OM-8: what was made for another sync type is not executed.
  return link.blocked ? STATUS.notExecutedCancelled : undefined
}

/** The commands of a Sync or a Sequence in their order. */
async function collect(context: CommandContext, batch: ChangeBatch, commands: readonly Command[]): Promise<void> {
  for (const command of commands) {
    await takeTurns(context)
    const link = context.state.links.find((l) => l.uri === batch.uri)
    if (command.name === 'Status' || !link) continue
    if (command.name === 'Sequence') {
      batch.owed.push(() => owe(context, command, STATUS.ok))
      await collect(context, batch, command.commands)
    } else if (command.name === 'Atomic' && !isFromServer(link)) {
      await flushBatch(context, batch)
      await runAtomic(context, link, command)
    } else await collectOne(context, batch, link, command)
    if (isFull(batch)) await flushBatch(context, batch)
  }
}

async function collectOne(
  context: CommandContext,
  batch: ChangeBatch,
  link: DatastoreLink,
  command: Answerable,
): Promise<void> {
  if (!isChange(command)) {
    batch.owed.push(() => refuse(context, command, undefined))
    return
  }
  if (isFromServer(link)) {
    batch.owed.push(() => refuse(context, command, STATUS.forbidden))
    return
  }
  addToBatch(context, batch, command, await takeItems(context, link, command))
}

/** A command that changes Items of the client's own. */
export type ChangeCommand = Extract<Command, { name: 'Add' | 'Replace' | 'Delete' | 'Copy' | 'Move' }>

export function isChange(command: Command): command is ChangeCommand {
  return ['Add', 'Replace', 'Delete', 'Copy', 'Move'].includes(command.name)
}

/** What each Item of a command asks for. */
export async function takeItems(
  context: CommandContext,
  link: DatastoreLink,
  command: ChangeCommand,
): Promise<{ item: ChangeCommand['items'][number]; taken: Taken }[]> {
  const outcomes: { item: ChangeCommand['items'][number]; taken: Taken }[] = []
  for (const item of command.items) {
    await takeTurns(context)
    outcomes.push({ item, taken: await takeItem(context, link, command, item) })
  }
  return outcomes
}

async function takeItem(
  context: CommandContext,
  link: DatastoreLink,
  command: ChangeCommand,
  item: ChangeCommand['items'][number],
): Promise<Taken> {
  switch (command.name) {
    case 'Delete':
      return takeDelete(context, command, item)
    case 'Move':
      return takeMove(context, item)
    case 'Copy':
      // Some clients send what is new as Copy (reference 10.4).
      return item.data === undefined ? takeCopy(context, item) : takePut(context, link, command, item)
    default:
      return takePut(context, link, command, item)
  }
}

function isFromServer({ type }: DatastoreLink): boolean {
  return type === 204 || type === 205
}
