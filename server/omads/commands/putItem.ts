/**
 * Add and Replace inside a Sync: Items, whole or in chunks (OM-7, OM-9).
 */

import { ALERT, STATUS } from '../../../schemas/syncml/codes.ts'
import type { Item, ItemCommand } from '../../../schemas/syncml/message.ts'
import type { ItemChange, ItemContent } from '../../datastore/datastore.ts'
import { acceptChunk, type Chunk, continues, luidOf, type Receiving } from '../largeObject.ts'
import type { DatastoreLink } from '../sessionState.ts'
import { advance, type CommandContext, oweItems, statusOnError } from './commandContext.ts'

type PutCommand = ItemCommand & { readonly name: 'Add' | 'Replace' }

export async function runPut(context: CommandContext, link: DatastoreLink, command: ItemCommand): Promise<void> {
  const outcomes: { item: Item; status: number }[] = []
  for (const item of command.items) {
    outcomes.push({ item, status: await takeItem(context, link, command as PutCommand, item) })
  }
  oweItems(context, command, outcomes)
}

async function takeItem(
  context: CommandContext,
  link: DatastoreLink,
  command: PutCommand,
  item: Item,
): Promise<number> {
  const luid = luidOf(item)
  if (luid === undefined) return STATUS.incompleteCommand
  const chunk = chunkOf(link.uri, command, luid, item)
  const former = context.state.incoming
  const object = continues(former, chunk) ? former : null
  if (object === null) breakObject(context)
  const { token } = context.state.identity
  const outcome = acceptChunk(object, chunk, link.ownMaxObjSize, `omads-${token}-${context.state.spoolCount}`)
  switch (outcome.kind) {
    case 'refused':
      refuseObject(context, chunk, outcome.status)
      return outcome.status
    case 'whole':
      advance(context, { kind: 'object', incoming: null })
      return apply(context, link.uri, put(chunk, { kind: 'inline', bytes: outcome.bytes }))
    case 'append': {
      const { object: next, offset, bytes } = outcome
      const spooled = await statusOnError(context, 'spool', () =>
        context.deps.spool.append(next.spoolId, offset, bytes),
      )
      if ('status' in spooled) {
        refuseObject(context, chunk, spooled.status)
        return spooled.status
      }
      advance(context, { kind: 'object', incoming: outcome.last ? null : next })
      return outcome.last ? applySpooled(context, link.uri, chunk, next) : STATUS.chunkAccepted
    }
  }
}

/** A new Item while chunks are missing: the client is told, the partial object is gone (Alert 223). */
export function breakObject(context: CommandContext): void {
  const { incoming } = context.state
  if (incoming === null) return
  if (incoming.kind === 'receiving') {
    context.discardedSpools.push(incoming.spoolId)
    const link = context.state.links.find((l) => l.uri === incoming.uri)
    context.commands.push({
      name: 'Alert',
      cmdId: '',
      data: String(ALERT.noEndOfData),
      items: [{ target: { locUri: link?.clientSource ?? incoming.uri }, source: { locUri: incoming.luid } }],
    })
  }
  advance(context, { kind: 'object', incoming: null })
}

function refuseObject(context: CommandContext, chunk: Chunk, status: number): void {
  const { incoming } = context.state
  if (incoming?.kind === 'receiving') context.discardedSpools.push(incoming.spoolId)
  const { uri, luid } = chunk
  advance(context, { kind: 'object', incoming: chunk.more ? { kind: 'skipping', uri, luid, status } : null })
}

async function applySpooled(context: CommandContext, uri: string, chunk: Chunk, object: Receiving): Promise<number> {
  const { spoolId, stored: sizeBytes, command, type } = object
  // Dropped only when the answer is stored: after a crash in between the client sends its last chunk again.
  context.discardedSpools.push(spoolId)
  return apply(context, uri, put({ ...chunk, command, type }, { kind: 'spool', spoolId, sizeBytes }))
}

function put(chunk: Chunk, content: ItemContent): ItemChange {
  return { kind: 'put', command: chunk.command, luid: chunk.luid, type: chunk.type, content }
}

/** Applies one change; the Status it got. */
export async function apply(context: CommandContext, uri: string, change: ItemChange): Promise<number> {
  const applied = await statusOnError(context, 'apply', async () => {
    const datastore = await context.deps.registry.find(context.peer, uri)
    const link = context.state.links.find((l) => l.uri === uri)
    return datastore && link ? datastore.apply(context.peer, link.state, change) : undefined
  })
  if ('status' in applied) return applied.status
  if (!applied.value) return STATUS.notFound
  advance(context, { kind: 'applied', uri, state: applied.value.state })
  return applied.value.status
}

function chunkOf(uri: string, command: PutCommand, luid: string, item: Item): Chunk {
  const type = item.meta?.type ?? command.meta?.type ?? 'text/plain'
  const format = item.meta?.format ?? command.meta?.format ?? ''
  // In 1.1 the Size of a single Item may stand in the command's Meta.
  const sizeBytes = item.meta?.size ?? (command.items.length === 1 ? command.meta?.size : undefined)
  return {
    uri,
    command: command.name,
    luid,
    type: type.split(';')[0]?.trim().toLowerCase() ?? type,
    format: format.trim().toLowerCase(),
    sizeBytes,
    data: item.data,
    more: item.moreData === true,
  }
}
