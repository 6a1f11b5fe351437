/**
 * Put, Get and Results: device information in both directions (reference 2.2).
 */

import { STATUS } from '../../../schemas/syncml/codes.ts'
import { devInfTypeOf } from '../../../schemas/syncml/contentType.ts'
import type { DevInf, GetPutCommand, Item, ResultsCommand } from '../../../schemas/syncml/message.ts'
import { devInfUri, isDevInfUri, serverDevInf } from '../serverDevInf.ts'
import {
  advance,
  type CommandContext,
  canOweCommand,
  descriptionOf,
  oweItems,
  statusOnError,
  takeTurns,
} from './commandContext.ts'

/** The client describes itself, unasked or in answer to our Get; it is kept for later sessions. */
export async function runDescription(context: CommandContext, command: GetPutCommand | ResultsCommand): Promise<void> {
  const outcomes: { item: Item; status: number }[] = []
  for (const item of command.items) {
    await takeTurns(context)
    const known = command.name === 'Results' || isDevInfUri(item.source?.locUri ?? '')
    const told = known && item.data?.kind === 'devInf' ? await noteDescription(context, item.data.devInf) : STATUS.ok
    outcomes.push({ item, status: known ? told : STATUS.notFound })
  }
  oweItems(context, command, outcomes)
}

async function noteDescription(context: CommandContext, devInf: DevInf): Promise<number> {
  const { accountId, deviceId } = context.peer
  describe(context, devInf)
  context.description = Promise.resolve(devInf)
  const kept = await statusOnError(context, 'put', () => context.deps.descriptions.write(accountId, deviceId, devInf))
  return 'status' in kept ? kept.status : STATUS.ok
}

/** What of the client's information the session itself goes by. */
export function describe(context: CommandContext, { supportLargeObjs, supportNumberOfChanges }: DevInf): void {
  advance(context, {
    kind: 'described',
    largeObjects: supportLargeObjs === true,
    numberOfChanges: supportNumberOfChanges === true,
  })
}

/** Asks a client for its device information if it never sent any and one of its datastores needs it. */
export async function askForDescription(context: CommandContext): Promise<void> {
  const { links, identity, phase } = context.state
  if (phase !== 'open' || !links.some(({ kind, synced }) => kind === 'items' && !synced)) return
  if (!canOweCommand(context) || (await descriptionOf(context)) !== undefined) return
  const meta = { type: devInfTypeOf(identity.encoding) }
  const items = [{ target: { locUri: devInfUri(identity.version) } }]
  context.commands.push({ name: 'Get', cmdId: '', meta, items })
}

/** The client asks for our device information; the Results follow the Statuses. */
export async function runGet(context: CommandContext, command: GetPutCommand): Promise<void> {
  const outcomes: { item: Item; status: number }[] = []
  for (const item of command.items) {
    await takeTurns(context)
    const wanted = isDevInfUri(item.target?.locUri ?? '')
    const status = wanted ? await answered(context, command) : STATUS.notFound
    outcomes.push({ item, status })
  }
  oweItems(context, command, outcomes)
}

async function answered(context: CommandContext, command: GetPutCommand): Promise<number> {
  if (!canOweCommand(context)) return STATUS.retryLater
  const outcome = await statusOnError(context, 'get', () => answer(context, command))
  return 'status' in outcome ? outcome.status : STATUS.ok
}

async function answer(context: CommandContext, command: GetPutCommand): Promise<void> {
  const { version, encoding } = context.state.identity
  const datastores = await context.deps.registry.list(context.peer)
  context.commands.push({
    name: 'Results',
    cmdId: '',
    msgRef: context.header.msgId,
    cmdRef: command.cmdId,
    meta: { type: devInfTypeOf(encoding) },
    items: [
      {
        source: { locUri: devInfUri(version) },
        data: { kind: 'devInf', devInf: serverDevInf(context.deps.serverId, version, datastores) },
      },
    ],
  })
}
