/**
 * Put, Get and Results: device information in both directions (reference 2.2).
 */

import { STATUS } from '../../../schemas/syncml/codes.ts'
import type { GetPutCommand, Item, ResultsCommand } from '../../../schemas/syncml/message.ts'
import { devInfUri, isDevInfUri, serverDevInf } from '../serverDevInf.ts'
import { advance, type CommandContext, oweItems, statusOnError } from './commandContext.ts'

/** The client describes itself, unasked or in answer to our Get. */
export function runDescription(context: CommandContext, command: GetPutCommand | ResultsCommand): void {
  const outcomes = command.items.map((item) => {
    const known = command.name === 'Results' || isDevInfUri(item.source?.locUri ?? '')
    if (known && item.data?.kind === 'devInf') {
      const { supportLargeObjs, supportNumberOfChanges } = item.data.devInf
      advance(context, {
        kind: 'described',
        largeObjects: supportLargeObjs === true,
        numberOfChanges: supportNumberOfChanges === true,
      })
    }
    return { item, status: known ? STATUS.ok : STATUS.notFound }
  })
  oweItems(context, command, outcomes)
}

/** The client asks for our device information; the Results follow the Statuses. */
export async function runGet(context: CommandContext, command: GetPutCommand): Promise<void> {
  const outcomes: { item: Item; status: number }[] = []
  for (const item of command.items) {
    const wanted = isDevInfUri(item.target?.locUri ?? '')
    const answered = wanted
      ? await statusOnError(context, 'get', () => answer(context, command))
      : { status: STATUS.notFound }
    outcomes.push({ item, status: 'status' in answered ? answered.status : STATUS.ok })
  }
  oweItems(context, command, outcomes)
}

async function answer(context: CommandContext, command: GetPutCommand): Promise<void> {
  const { version, encoding } = context.state.identity
  const datastores = await context.deps.registry.list(context.peer)
  context.commands.push({
    name: 'Results',
    cmdId: '',
    msgRef: context.header.msgId,
    cmdRef: command.cmdId,
    meta: { type: `application/vnd.syncml-devinf+${encoding}` },
    items: [
      {
        source: { locUri: devInfUri(version) },
        data: { kind: 'devInf', devInf: serverDevInf(context.deps.serverId, version, datastores) },
      },
    ],
  })
}
