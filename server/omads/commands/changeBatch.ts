/**
 * The client's changes of one Sync on their way to the datastore: collected, applied together, and answered in the order
 * of the commands (OM-28, reference 3.7).
 */

import type { Item } from '../../../schemas/syncml/message.ts'
import type { ClientItemChange } from '../../datastore/syncDatastore.ts'
import {
  type Answerable,
  advance,
  type CommandContext,
  datastoreOf,
  oweItems,
  statusOnError,
} from './commandContext.ts'

/** Changes in one call of the datastore: a transaction that others of the account wait for. */
const MAX_CHANGES = 500

/** What becomes of one Item of a command: it is settled already, or a change of the batch. */
export type Taken = { readonly status: number } | { readonly change: ClientItemChange }

/** Changes that wait, and the Statuses that wait for them. */
export interface ChangeBatch {
  readonly uri: string
  changes: ClientItemChange[]
  /** Owe Statuses, in order, once it is known what became of the changes. */
  owed: ((statuses: readonly number[]) => void)[]
}

export function newBatch(uri: string): ChangeBatch {
  return { uri, changes: [], owed: [] }
}

/** Adds a command: one outcome for each of its Items. */
export function addToBatch(
  context: CommandContext,
  batch: ChangeBatch,
  command: Answerable,
  outcomes: readonly { readonly item: Item; readonly taken: Taken }[],
): void {
  const waiting = outcomes.map(({ item, taken }) => {
    if ('status' in taken) return { item, status: taken.status }
    batch.changes.push(taken.change)
    return { item, at: batch.changes.length - 1 }
  })
  batch.owed.push((statuses) => {
    const settled = waiting.map(({ item, status, at }) => ({ item, status: status ?? statuses[at ?? 0] ?? 500 }))
    oweItems(context, command, settled)
  })
}

/** True if the batch has as much as one call shall have. */
export function isFull(batch: ChangeBatch): boolean {
  return batch.changes.length >= MAX_CHANGES
}

/** Applies what was collected and owes its Statuses; the batch is empty then. */
export async function flushBatch(context: CommandContext, batch: ChangeBatch): Promise<void> {
  const { changes, owed } = batch
  batch.changes = []
  batch.owed = []
  const statuses = await applyChanges(context, batch.uri, changes, false)
  for (const owe of owed) owe(statuses)
}

/** Applies changes in one call; the Status of each. With `atomic` all or none. */
export async function applyChanges(
  context: CommandContext,
  uri: string,
  changes: readonly ClientItemChange[],
  atomic: boolean,
): Promise<readonly number[]> {
  const link = context.state.links.find((l) => l.uri === uri)
  if (changes.length === 0 || !link) return changes.map(() => 404)
  const applied = await statusOnError(context, 'apply', async () => {
    const { datastore, client } = await datastoreOf(context, link)
    return datastore.apply(client, link.state, changes, { atomic })
  })
  if ('status' in applied) return changes.map(() => applied.status)
  advance(context, { kind: 'applied', uri, state: applied.value.state })
  changes.forEach((change, at) => {
    const status = applied.value.outcomes[at]?.status
    if (change.kind !== 'put' || change.content.kind !== 'spool' || status === undefined) return
    advance(context, { kind: 'object-completed', completed: { uri, luid: change.luid, status } })
  })
  return applied.value.outcomes.map(({ status }) => status)
}
