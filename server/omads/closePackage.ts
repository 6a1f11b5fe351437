/**
 * What follows when the client closes its package: package 4 is planned, or the session is done (reference 3.18).
 */

import { STATUS } from '../../schemas/syncml/codes.ts'
import type { Command } from '../../schemas/syncml/message.ts'
import { advance, type CommandContext, statusOnError } from './commands/commandContext.ts'
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
  breakObject(context)
  const plans: SendPlan[] = []
  if (context.state.phase === 'open') {
    for (const link of context.state.links.filter((l) => l.synced)) {
      const plan = await statusOnError(context, 'outgoing', () => planFor(context, link))
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

async function planFor(context: CommandContext, link: DatastoreLink): Promise<SendPlan> {
  const datastore = await context.deps.registry.find(context.peer, link.uri)
  if (link.type === 202 || link.type === 203) {
    await finish(context, link)
    // Classic clients expect a Sync of ours, empty as it is; our own need none and save an exchange.
    return { uri: link.uri, state: link.state, items: [], sendsSync: !link.own, finished: true }
  }
  const outgoing = await datastore?.outgoing(context.peer, link.state)
  const items = (outgoing?.items ?? []).map(({ command, id, type, sizeBytes }) => ({ command, id, type, sizeBytes }))
  return { uri: link.uri, state: outgoing?.state ?? link.state, items, sendsSync: true, finished: false }
}

async function finish(context: CommandContext, link: DatastoreLink): Promise<void> {
  const datastore = await context.deps.registry.find(context.peer, link.uri)
  await datastore?.finish(context.peer, link.state, link.acknowledged)
}
