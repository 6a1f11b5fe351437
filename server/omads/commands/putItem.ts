/**
 * Add and Replace inside a Sync: Items, whole or in chunks (OM-7, OM-9).
 */

import { ALERT, STATUS } from '../../../schemas/syncml/codes.ts'
import type { Item, ItemCommand } from '../../../schemas/syncml/message.ts'
import type { ItemContent } from '../../datastore/datastore.ts'
import type { ClientItemChange } from '../../datastore/syncDatastore.ts'
import {
  acceptChunk,
  type Chunk,
  continues,
  luidOf,
  positionIn,
  type Receiving,
  repeatedChunk,
} from '../largeObject.ts'
import type { DatastoreLink } from '../sessionState.ts'
import type { Taken } from './changeBatch.ts'
import { advance, type CommandContext, canOweCommand, datastoreOf, statusOnError } from './commandContext.ts'

/** Takes one Item: it is settled (a chunk that is not the last, a refusal), or a complete change. */
export async function takePut(
  context: CommandContext,
  link: DatastoreLink,
  command: ItemCommand,
  item: Item,
): Promise<Taken> {
  const luid = luidOf(item)
  if (luid === undefined) return { status: STATUS.incompleteCommand }
  const chunk = chunkOf(link.uri, command, luid, item)
  const former = context.state.incoming
  const repeated = continues(former, chunk) ? undefined : repeatedChunk(context.state.completed, chunk)
  if (repeated !== undefined) return { status: repeated }
  const object = continues(former, chunk) ? former : null
  if (object === null) breakObject(context)
  const { token } = context.state.identity
  const outcome = acceptChunk(object, chunk, link.ownMaxObjSize, `omads-${token}-${context.state.spoolCount}`)
  switch (outcome.kind) {
    case 'refused':
      refuseObject(context, chunk, outcome.status)
      return { status: outcome.status }
    case 'whole':
      advance(context, { kind: 'object', incoming: null })
      return { change: put(chunk, item, command, { kind: 'inline', bytes: outcome.bytes }) }
    case 'append': {
      const { object: next, offset, bytes } = outcome
      // Begun anew: what came of it before is not wanted any more.
      if (former?.kind === 'receiving' && former.spoolId !== next.spoolId) context.discardedSpools.push(former.spoolId)
      const spooled = await statusOnError(context, 'spool', () =>
        context.deps.spool.append(next.spoolId, offset, bytes),
      )
      if ('status' in spooled) {
        refuseObject(context, chunk, spooled.status)
        return { status: spooled.status }
      }
      advance(context, { kind: 'object', incoming: outcome.last ? null : next })
      if (outcome.last) return { change: spooledPut(context, chunk, item, command, next) }
      await tellArriving(context, link, next, offset)
      return { status: STATUS.chunkAccepted }
    }
  }
}

/**
 * What lies before this chunk was acknowledged with the message before, so the client cannot send it anew; the chunk
 * itself may come again with other octets until the answer is stored.
 */
async function tellArriving(
  context: CommandContext,
  link: DatastoreLink,
  object: Receiving,
  settledBytes: number,
): Promise<void> {
  const { datastore, client } = await datastoreOf(context, link)
  const { type, spoolId, sizeBytes } = object
  datastore.arriving?.(client, link.state, { type, spoolId, sizeBytes, settledBytes })
}

/** A new Item while chunks are missing: the client is told, the partial object is gone (Alert 223). */
export function breakObject(context: CommandContext): void {
  const { incoming } = context.state
  if (incoming === null) return
  if (incoming.kind === 'receiving') {
    context.discardedSpools.push(incoming.spoolId)
    const link = context.state.links.find((l) => l.uri === incoming.uri)
    const items = [{ target: { locUri: link?.clientSource ?? incoming.uri }, source: { locUri: incoming.luid } }]
    // One of an earlier session was not gone on with: nothing was sent that could be missed.
    if (!incoming.interrupted && canOweCommand(context)) {
      context.commands.push({ name: 'Alert', cmdId: '', data: String(ALERT.noEndOfData), items })
    }
  }
  advance(context, { kind: 'object', incoming: null })
}

function refuseObject(context: CommandContext, chunk: Chunk, status: number): void {
  const { incoming } = context.state
  if (incoming?.kind === 'receiving') context.discardedSpools.push(incoming.spoolId)
  const { uri, luid } = chunk
  advance(context, { kind: 'object', incoming: chunk.more ? { kind: 'skipping', uri, luid, status } : null })
}

function spooledPut(
  context: CommandContext,
  chunk: Chunk,
  item: Item,
  command: ItemCommand,
  object: Receiving,
): ClientItemChange {
  const { spoolId, stored: sizeBytes, type } = object
  // Dropped only when the answer is stored: after a crash in between the client sends its last chunk again.
  context.discardedSpools.push(spoolId)
  return put({ ...chunk, command: object.command, type }, item, command, { kind: 'spool', spoolId, sizeBytes })
}

function put(chunk: Chunk, item: Item, command: ItemCommand, content: ItemContent): ClientItemChange {
  const parent = parentOf(item)
  return {
    kind: 'put',
    command: chunk.command,
    luid: chunk.luid,
    type: chunk.type,
    content,
    ...(parent !== undefined && { parent }),
    fieldLevel: item.meta?.fieldLevel === true || command.meta?.fieldLevel === true,
  }
}

/** LUID of the folder an Item lies in; some clients write it as the Target's (reference 3.16). */
export function parentOf(item: Item): string | undefined {
  return item.sourceParent ?? item.targetParent
}

function chunkOf(uri: string, command: ItemCommand, luid: string, item: Item): Chunk {
  const type = item.meta?.type ?? command.meta?.type ?? 'text/plain'
  const format = item.meta?.format ?? command.meta?.format ?? ''
  // In 1.1 the Size of a single Item may stand in the command's Meta.
  const sizeBytes = item.meta?.size ?? (command.items.length === 1 ? command.meta?.size : undefined)
  return {
    uri,
    command: command.name === 'Replace' ? 'Replace' : 'Add',
    luid,
    type: type.split(';')[0]?.trim().toLowerCase() ?? type,
    format: format.trim().toLowerCase(),
    sizeBytes,
    position: positionIn(item.meta) ?? positionIn(command.meta),
    data: item.data,
    more: item.moreData === true,
  }
}
