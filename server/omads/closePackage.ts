/**
 * What follows when the client closes its package: package 4 is planned, or the session is done (reference 3.18).
 */

import { STATUS } from '../../schemas/syncml/codes.ts'
import type { Command, StatusCommand } from '../../schemas/syncml/message.ts'
import { advance, type CommandContext, datastoreOf, describedClient, statusOnError } from './commands/commandContext.ts'
import { breakObject } from './commands/putItem.ts'
import type { DatastoreLink, SendPlan } from './sessionState.ts'

/** True if this message closes its package; after package 4 Statuses alone close it too (reference 10.5). */
export function closesPackage(context: CommandContext, commands: readonly Command[], final: boolean): boolean {
  if (final) return true
  return context.state.phase === 'closing' && commands.every((c) => c.name === 'Status')
}

/**
 * Plans what the client gets. A datastore that takes from the client only is finished here: its changes are durable,
 * and whether our answer arrives cannot be known (reference 3.6).
 *
 * @returns the Status of our own failure, or undefined.
 */
export async function closePackage(context: CommandContext): Promise<number | undefined> {
  if (!mayStillCome(context)) breakObject(context)
  const plans: SendPlan[] = []
  if (context.state.phase === 'open') {
    for (const link of context.state.links.filter((l) => l.synced)) {
      const plan = await statusOnError(context, 'close', () => planFor(context, link))
      if ('status' in plan) return plan.status === 500 ? STATUS.serverFailure : plan.status
      plans.push(plan.value)
    }
  }
  if (context.state.phase === 'closing') {
    for (const link of context.state.links.filter((l) => l.sendsSync && !l.finished)) {
      const finished = await statusOnError(context, 'finish', () => finish(context, link))
      if ('status' in finished) return finished.status === 500 ? STATUS.serverFailure : finished.status
    }
  }
  advance(context, { kind: 'package-closed', plans })
  return undefined
}

/** An object of an earlier session is gone on with in package 3. */
function mayStillCome({ state }: CommandContext): boolean {
  const { incoming, links } = state
  return incoming?.kind === 'receiving' && incoming.interrupted === true && !links.some(({ synced }) => synced)
}

async function planFor(context: CommandContext, link: DatastoreLink): Promise<SendPlan> {
  const { datastore } = await datastoreOf(context, link)
  const client = await describedClient(context, link.kind, link.clientSource)
  const { total, status, state } = await datastore.close(client, link.state)
  if (status !== 200) answerSync(context, link, status)
  const { uri, type } = link
  if (type !== 202 && type !== 203) return { uri, state, total, sendsSync: true, finished: false }
  // Refused: the client's anchors do not move either, and it asks again.
  await (status === 200 ? datastore.finish(client, state) : datastore.suspend(client, state))
  // Classic clients expect a Sync of ours, empty as it is; our own need none and save an exchange.
  return { uri, state, total: 0, sendsSync: !link.own, finished: true }
}

/** What came of the package as a whole is the Status of its last Sync (IT-11). */
function answerSync(context: CommandContext, { clientTarget }: DatastoreLink, status: number): void {
  const isOwn = ({ cmd, targetRefs }: StatusCommand) => cmd === 'Sync' && targetRefs.includes(clientTarget)
  const at = context.statuses.findLastIndex(isOwn)
  const owed = context.statuses[at]
  if (owed) context.statuses[at] = { ...owed, data: status }
}

async function finish(context: CommandContext, link: DatastoreLink): Promise<void> {
  const { datastore, client } = await datastoreOf(context, link)
  await datastore.finish(client, link.state)
}
