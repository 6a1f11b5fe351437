/**
 * Alert: opens datastores (200 to 205, 225), asks for the next message (222), reports a broken object (223).
 * Reference 3.3 to 3.6; OM-8, OM-12.
 */

import { ALERT, STATUS } from '../../../schemas/syncml/codes.ts'
import type { AlertCommand, Item } from '../../../schemas/syncml/message.ts'
import { formatPositionEmi } from '../../../schemas/syncml/position.ts'
import type { SyncDecision } from '../../datastore/datastore.ts'
import { chooseSyncMode, findDatastore, isSyncAlert, ownMaxObjSize, readSyncRequest } from '../chooseSyncMode.ts'
import { advance, type CommandContext, findLink, owe, refsOf, statusOnError } from './commandContext.ts'

/** Largest MaxObjSize told to clients that are not ours: they read it into 31 bits. */
const MAX_ANNOUNCED = 2 ** 31 - 1

export async function runAlert(context: CommandContext, command: AlertCommand): Promise<void> {
  const code = (command.data ?? '').trim()
  if (isSyncAlert(code)) {
    if (command.items.length === 0) owe(context, command, STATUS.incompleteCommand)
    for (const item of command.items) await openDatastore(context, command, code, item)
    return
  }
  const [item] = command.items
  switch (Number(code)) {
    case ALERT.display:
    case ALERT.nextMessage:
      owe(context, command, STATUS.ok, refsOf(item))
      return
    case ALERT.noEndOfData:
      reportBroken(context, item)
      owe(context, command, STATUS.ok, refsOf(item))
      return
    default:
      owe(context, command, STATUS.optionalFeatureNotSupported, refsOf(item))
  }
}

async function openDatastore(context: CommandContext, command: AlertCommand, code: string, item: Item): Promise<void> {
  const refuse = (status: number) => owe(context, command, status, refsOf(item))
  if (context.state.phase !== 'open') return refuse(STATUS.forbidden)
  const clientTarget = item.target?.locUri ?? ''
  const clientSource = item.source?.locUri ?? ''
  const request = readSyncRequest(code, item)
  if (!request) return refuse(STATUS.incompleteCommand)
  const chosen = await statusOnError(context, 'alert', async () => {
    const datastore = await findDatastore(context.deps.registry, context.peer, clientTarget)
    if (!datastore) return undefined
    return { datastore, decision: await chooseSyncMode(datastore, context.peer, code, request) }
  })
  if ('status' in chosen) return refuse(chosen.status)
  if (!chosen.value) return refuse(STATUS.notFound)
  const { datastore, decision } = chosen.value
  if (decision.status !== 200 && decision.status !== 508) return refuse(decision.status)
  await abandonFormer(context, datastore.uri)
  const own = request.position !== undefined
  advance(context, {
    kind: 'linked',
    link: {
      uri: datastore.uri,
      clientTarget,
      clientSource,
      type: decision.type,
      state: decision.state,
      own,
      peerMaxObjSize: request.maxObjSize ?? 0,
      ownMaxObjSize: ownMaxObjSize(decision),
      blocked: decision.status === 508,
      synced: false,
      finished: false,
      sendsSync: false,
      syncSent: false,
      items: [],
      cursor: 0,
      offset: 0,
      restarts: 0,
      acknowledged: [],
    },
  })
  const { last } = request
  const anchor = { ...(last === undefined ? {} : { last }), next: request.next }
  owe(context, command, decision.status, { ...refsOf(item), items: [{ data: { kind: 'anchor', anchor } }] })
  context.commands.push(ownAlert(context, decision, clientTarget, clientSource, own))
}

/** An Alert for a datastore that is open already begins it anew. */
async function abandonFormer(context: CommandContext, uri: string): Promise<void> {
  const former = context.state.links.find((l) => l.uri === uri)
  if (!former) return
  const { incoming } = context.state
  if (incoming?.uri === uri) {
    if (incoming.kind === 'receiving') context.discardedSpools.push(incoming.spoolId)
    advance(context, { kind: 'object', incoming: null })
  }
  await statusOnError(context, 'abandon', async () => {
    const datastore = await context.deps.registry.find(context.peer, uri)
    if (!former.finished) await datastore?.abandon(context.peer, former.state)
  })
}

function ownAlert(
  context: CommandContext,
  decision: Extract<SyncDecision, { status: 200 | 508 }>,
  clientTarget: string,
  clientSource: string,
  own: boolean,
): AlertCommand {
  const { last, next, position } = decision
  const largest = ownMaxObjSize(decision)
  const maxObjSize = own ? largest : Math.min(largest, MAX_ANNOUNCED)
  return {
    name: 'Alert',
    cmdId: '',
    data: String(decision.type),
    items: [
      {
        target: { locUri: clientSource },
        source: { locUri: clientTarget },
        meta: {
          anchor: { ...(last === undefined ? {} : { last }), next },
          ...(context.state.identity.version === '1.0' ? {} : { maxObjSize }),
          ...(own && position ? { emi: [formatPositionEmi(position)] } : {}),
        },
      },
    ],
  }
}

function reportBroken(context: CommandContext, item: Item | undefined): void {
  const named = findLink(context, item?.source?.locUri, item?.target?.locUri)
  const link = named ?? context.state.links.find((l) => l.offset > 0)
  if (link) advance(context, { kind: 'object-broken', uri: link.uri })
}
