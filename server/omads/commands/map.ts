/**
 * Map: which LUIDs the client gave to our Items (reference 3.8). It may come in any message, and be of an earlier
 * session whose Status for it was lost.
 */

import { STATUS } from '../../../schemas/syncml/codes.ts'
import type { MapCommand } from '../../../schemas/syncml/message.ts'
import type { ItemClient, SyncDatastore } from '../../datastore/syncDatastore.ts'
import { enterDatastore } from '../authenticateDatastore.ts'
import { findDatastore } from '../chooseSyncMode.ts'
import { type CommandContext, datastoreOf, findLink, owe, statusOnError, takeTurns } from './commandContext.ts'

export async function runMap(context: CommandContext, command: MapCommand): Promise<void> {
  const refs = { targetRef: command.target.locUri, sourceRef: command.source.locUri }
  const mapped = await statusOnError(context, 'map', async () => {
    const found = await findMapped(context, command)
    if (!found) return undefined
    const entrance = await enterDatastore(context, found.datastore, command.cred, command.target.locUri)
    if (entrance.kind === 'closed') return entrance
    const pairs = command.mapItems.map(({ target, source }) => ({ guid: target.locUri, luid: source.locUri }))
    return { ...entrance, outcomes: await found.datastore.map(found.client, pairs) }
  })
  if ('status' in mapped) return owe(context, command, mapped.status, refs)
  if (!mapped.value) return owe(context, command, STATUS.notFound, refs)
  const { chal } = mapped.value
  if (mapped.value.kind === 'closed') return owe(context, command, mapped.value.status, { ...refs, chal })
  const { outcomes } = mapped.value
  if (outcomes.every(({ status }) => status === STATUS.ok)) return owe(context, command, STATUS.ok, { ...refs, chal })
  for (const [at, { status }] of outcomes.entries()) {
    await takeTurns(context)
    const { target, source } = command.mapItems[at] ?? command
    owe(context, command, status, { targetRef: target.locUri, sourceRef: source.locUri, ...(at === 0 && { chal }) })
  }
}

/** The datastore of a link of this session, or one that the Map alone names. */
async function findMapped(
  context: CommandContext,
  { target, source }: MapCommand,
): Promise<{ readonly datastore: SyncDatastore; readonly client: ItemClient } | undefined> {
  const link = findLink(context, target.locUri, source.locUri)
  if (link) return datastoreOf(context, link)
  const datastore = await findDatastore(context.deps.registry, context.peer, target.locUri)
  return datastore && { datastore, client: { ...context.peer, sourceUri: source.locUri } }
}
