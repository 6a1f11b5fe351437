/**
 * Status of the client: what became of our Items, and whether it agrees with our Alerts. Unmatched ones are ignored
 * (reference 3.7, rule 7).
 */

import { STATUS } from '../../../schemas/syncml/codes.ts'
import type { StatusCommand } from '../../../schemas/syncml/message.ts'
import { advance, type CommandContext, datastoreOf, describedClient, statusOnError } from './commandContext.ts'

export async function runStatus(context: CommandContext, command: StatusCommand): Promise<void> {
  if (command.cmd === 'Alert' && command.data === STATUS.refreshRequired) return beginSlow(context, command)
  const msgRef = Number(command.msgRef)
  const cmdRef = Number(command.cmdRef)
  if (!Number.isSafeInteger(msgRef) || !Number.isSafeInteger(cmdRef)) return
  // Who doubts us took nothing: the Item comes again in the next session (OM-36).
  if (command.data === STATUS.invalidCredentials || command.data === STATUS.missingCredentials) return
  if (['Add', 'Replace', 'Delete'].includes(command.cmd)) {
    context.itemAnswers.push({ msgRef, cmdRef, status: command.data })
  }
}

/** Our anchor is not the client's: it sends all it has, and the session goes on as a slow sync (reference 3.6). */
async function beginSlow(context: CommandContext, { targetRefs, sourceRefs }: StatusCommand): Promise<void> {
  const open = context.state.links.filter(({ type, synced }) => type === 200 && !synced)
  const link =
    open.find((l) => targetRefs.includes(l.clientSource) && sourceRefs.includes(l.clientTarget)) ??
    (open.length === 1 ? open[0] : undefined)
  if (context.state.phase !== 'open' || !link) return
  const began = await statusOnError(context, 'alert', async () => {
    const { datastore } = await datastoreOf(context, link)
    const client = await describedClient(context, link.kind, link.clientSource)
    const maxObjSize = link.peerMaxObjSize > 0 ? { maxObjSize: link.peerMaxObjSize } : {}
    return datastore.decide(client, { type: 201, next: link.clientNext, ...maxObjSize })
  })
  if ('status' in began || began.value.status !== 200) return
  const { type, state } = began.value
  advance(context, { kind: 'linked', link: { ...link, type, state } })
}
