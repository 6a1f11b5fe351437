/**
 * Sync: the client's changes of one datastore. Its own Status comes before those of its contents (reference 3.7).
 */

import { STATUS } from '../../../schemas/syncml/codes.ts'
import type { Command, SyncCommand } from '../../../schemas/syncml/message.ts'
import { type Answerable, advance, type CommandContext, findLink, owe } from './commandContext.ts'
import { runDelete } from './delete.ts'
import { runPut } from './putItem.ts'
import { refuse } from './refuse.ts'

export async function runSync(context: CommandContext, command: SyncCommand): Promise<void> {
  const refs = { targetRef: command.target?.locUri, sourceRef: command.source?.locUri }
  const link = findLink(context, refs.targetRef, refs.sourceRef)
  const refusal = judge(context, link)
  owe(context, command, refusal ?? STATUS.ok, refs)
  if (refusal !== undefined || !link) {
    for (const inner of command.commands) refuse(context, inner, refusal ?? STATUS.notFound)
    return
  }
  advance(context, { kind: 'syncing', uri: link.uri })
  for (const inner of command.commands) await runInner(context, link.uri, inner)
}

function judge(context: CommandContext, link: { blocked: boolean } | undefined): number | undefined {
  if (!link) return STATUS.notFound
  if (context.state.phase !== 'open') return STATUS.commandNotAllowed
  // OM-8: what was made for another sync type is not executed.
  return link.blocked ? STATUS.notExecutedCancelled : undefined
}

async function runInner(context: CommandContext, uri: string, command: Command): Promise<void> {
  const link = context.state.links.find((l) => l.uri === uri)
  if (command.name === 'Status' || !link) return
  const fromServer = link.type === 204 || link.type === 205
  switch (command.name) {
    case 'Add':
    case 'Replace':
      if (fromServer) return refuse(context, command, STATUS.forbidden)
      return runPut(context, link, command as Extract<Answerable, { name: 'Add' | 'Replace' }>)
    case 'Delete':
      if (fromServer) return refuse(context, command, STATUS.forbidden)
      return runDelete(context, link, command)
    default:
      return refuse(context, command, undefined)
  }
}
