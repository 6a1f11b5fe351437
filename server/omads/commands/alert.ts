/**
 * Alert: opens datastores (200 to 205, 225), asks for the next message (222), reports a broken object (223), suspends
 * the session (224). Reference 3.3 to 3.6, 3.14; OM-8, OM-12.
 */

import { MAX_SESSION_DATASTORES } from '../../../schemas/limits.ts'
import { ALERT, STATUS } from '../../../schemas/syncml/codes.ts'
import type { AlertCommand, Item } from '../../../schemas/syncml/message.ts'
import { formatPositionEmi } from '../../../schemas/syncml/position.ts'
import type { ItemSyncDecision, ItemSyncRequest, SyncDatastore } from '../../datastore/syncDatastore.ts'
import { enterDatastore } from '../authenticateDatastore.ts'
import { chooseSyncMode, findDatastore, isSyncAlert, ownMaxObjSize, readSyncRequest } from '../chooseSyncMode.ts'
import { dropHeld } from '../endSession.ts'
import {
  advance,
  type CommandContext,
  canOweCommand,
  datastoreOf,
  describedClient,
  descriptionOf,
  findLink,
  owe,
  refsOf,
  statusOnError,
  takeTurns,
} from './commandContext.ts'
import { describe } from './deviceInformation.ts'

/** What an Alert is answered with when it opens a datastore. */
type Opening = Extract<ItemSyncDecision, { status: 200 | 508 }>

/** Largest MaxObjSize told to clients that are not ours: they read it into 31 bits. */
const MAX_ANNOUNCED = 2 ** 31 - 1

export async function runAlert(context: CommandContext, command: AlertCommand): Promise<void> {
  const code = (command.data ?? '').trim()
  if (isSyncAlert(code)) {
    if (command.items.length === 0) owe(context, command, STATUS.incompleteCommand)
    for (const item of command.items) {
      await takeTurns(context)
      await openDatastore(context, command, code, item)
    }
    return
  }
  const [item] = command.items
  switch (Number(code)) {
    case ALERT.display:
    case ALERT.nextMessage:
      owe(context, command, STATUS.ok, refsOf(item))
      return
    case ALERT.suspend:
      context.suspended = true
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
  if (!canOweCommand(context)) return refuse(STATUS.retryLater)
  const clientTarget = item.target?.locUri ?? ''
  const clientSource = item.source?.locUri ?? ''
  const request = readSyncRequest(code, item, context.state.peerMaxObjSize)
  if (typeof request === 'number') return refuse(request)
  const chosen = await statusOnError(context, 'alert', async () => {
    const datastore = await findDatastore(context.deps.registry, context.peer, clientTarget)
    if (!datastore) return undefined
    const entrance = await enterDatastore(context, datastore, command.cred, clientTarget)
    if (entrance.kind === 'closed') return entrance
    const client = await describedClient(context, datastore.kind, clientSource)
    return { ...entrance, datastore, decision: await chooseSyncMode(datastore, client, request) }
  })
  if ('status' in chosen) return refuse(chosen.status)
  if (!chosen.value) return refuse(STATUS.notFound)
  const { chal } = chosen.value
  if (chosen.value.kind === 'closed') return owe(context, command, chosen.value.status, { ...refsOf(item), chal })
  const { datastore, decision } = chosen.value
  if (decision.status !== 200 && decision.status !== 508) {
    return owe(context, command, decision.status, { ...refsOf(item), chal })
  }
  const { links } = context.state
  if (links.length >= MAX_SESSION_DATASTORES && !links.some(({ uri }) => uri === datastore.uri)) {
    return refuse(STATUS.retryLater)
  }
  await abandonFormer(context, datastore.uri)
  link(context, datastore, { clientTarget, clientSource }, request, decision)
  if (datastore.kind === 'items') await prepareItems(context, datastore.uri, request, decision)
  const { last } = request
  const anchor = { ...(last === undefined ? {} : { last }), next: request.next }
  owe(context, command, decision.status, { ...refsOf(item), chal, items: [{ data: { kind: 'anchor', anchor } }] })
  const own = request.position !== undefined
  context.commands.push(ownAlert(context, decision, clientTarget, clientSource, own))
}

function link(
  context: CommandContext,
  { uri, kind }: SyncDatastore,
  names: { readonly clientTarget: string; readonly clientSource: string },
  request: ItemSyncRequest,
  decision: Opening,
): void {
  advance(context, {
    kind: 'linked',
    link: {
      uri,
      ...names,
      kind,
      type: decision.type,
      clientNext: request.next,
      state: decision.state,
      own: request.position !== undefined,
      peerMaxObjSize: request.maxObjSize ?? 0,
      ownMaxObjSize: ownMaxObjSize(decision),
      blocked: decision.status === 508,
      synced: false,
      finished: false,
      sendsSync: false,
      syncSent: false,
      total: 0,
      cursor: 0,
      offset: 0,
      chunkFrom: 0,
      objectId: '',
      digest: '',
      resumed: request.type === 'resume' && decision.status === 200,
      interrupted: null,
      restarts: 0,
    },
  })
}

/** What an earlier session left: the client's description, and objects that were interrupted (OM-31). */
async function prepareItems(
  context: CommandContext,
  uri: string,
  request: ItemSyncRequest,
  decision: Opening,
): Promise<void> {
  await statusOnError(context, 'prepare', async () => {
    const devInf = await descriptionOf(context)
    if (devInf !== undefined) describe(context, devInf)
    const { accountId, deviceId } = context.peer
    const key = { accountId, deviceId, uri }
    if (request.type !== 'resume' || decision.status !== 200) return dropHeld(context.deps, key)
    const held = await context.deps.heldObjects.find(key)
    if (held) advance(context, { kind: 'resumed', uri, held })
  })
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
  await statusOnError(context, 'suspend', async () => {
    const { datastore, client } = await datastoreOf(context, former)
    if (!former.finished) await datastore.suspend(client, former.state)
  })
}

function ownAlert(
  context: CommandContext,
  decision: Opening,
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
