/** Decides on an Alert and begins a run, or goes on with one (IT-3, IT-8, IT-11, IT-12, IT-14). */

import type { ItemSyncDecision, ItemSyncRequest, ItemSyncType } from '../datastore/syncDatastore.ts'
import { chooseSync, isWholeSet, type SyncChoice } from './chooseSync.ts'
import { type ClientRow, openClient, updateClient } from './clientRow.ts'
import { clearMap } from './deviceMap.ts'
import { refusesEmptying } from './guard.ts'
import type { ItemFile } from './itemFile.ts'
import { countItems } from './itemRows.ts'
import type { ItemCallContext, ItemCalls, RunState } from './jobInput.ts'
import { FilterError, parseFilter } from './parseFilter.ts'
import { storesOf } from './storesOf.ts'

export function decideJob(
  file: ItemFile,
  context: ItemCallContext,
  input: ItemCalls['decide']['input'],
): ItemSyncDecision {
  const refusal = refuseFilter(input.request)
  if (refusal !== undefined) return { status: refusal }
  return file.write(() => {
    const row = openClient(file, context.client)
    const run = row.type === undefined ? undefined : keptRun(row, row.type)
    const choice = chooseSync(input.request, row, run, context.now)
    const stores = storesOf(context.client.uri, row.evidence)
    const counts = stores.map((store) => countItems(file, store))
    const items = counts.reduce((sum, count) => sum + count.items, 0)
    if (choice.type === 205 && !choice.goesOn) {
      const most = counts.reduce((sum, count) => sum + count.most, 0)
      if (refusesEmptying(items, most)) {
        if (!row.allowEmpty) return { status: 403 }
        updateClient(file, row.client, { allow_empty: false })
      }
      // From now on the device empties itself: what it had counts no longer, and changes since are not to be had.
      clearMap(file, row.client)
      updateClient(file, row.client, { last: undefined, previous: undefined })
    }
    if (choice.goesOn) updateClient(file, row.client, { next: input.request.next, finished: false })
    else beginRun(file, row, choice, { ...input, items, now: context.now })
    const abilities = JSON.stringify(input.abilities)
    if (abilities !== row.abilities) updateClient(file, row.client, { abilities })
    const tellsLast = choice.status === 200 && !isWholeSet(choice.type) && input.request.last !== undefined
    const state: RunState = { client: row.client, run: choice.goesOn ? row.run : row.run + 1, type: choice.type }
    return {
      status: choice.status,
      type: choice.type,
      // Ours is the client's: where it stands says what it has of us, even if it names two syncs alike (IT-3).
      ...(tellsLast && { last: input.request.last }),
      next: input.request.next,
      state: { ...state },
    }
  })
}

function keptRun(row: ClientRow, type: ItemSyncType) {
  return { type, startedAt: row.startedAt, ...(row.askedLast !== undefined && { askedLast: row.askedLast }) }
}

interface RunBeginning {
  readonly request: ItemSyncRequest
  readonly items: number
  readonly now: number
}

function beginRun(file: ItemFile, row: ClientRow, choice: SyncChoice, beginning: RunBeginning): void {
  const { request, items, now } = beginning
  updateClient(file, row.client, {
    run: row.run + 1,
    type: choice.type,
    asked_last: request.last,
    next: request.next,
    started_at: now,
    started_number: file.number(),
    merging: choice.merging,
    closed: false,
    finished: false,
    resend_run: choice.setBack ? row.finishedRun : 0,
    items_at_start: items,
    deleted: 0,
    max_size: request.maxObjSize,
    filter: request.filter === undefined ? undefined : JSON.stringify(request.filter),
  })
}

/** A filter that cannot be evaluated is refused before anything begins (IT-14). */
function refuseFilter({ filter }: ItemSyncRequest): 415 | 422 | undefined {
  if (filter?.record === undefined) return undefined
  try {
    parseFilter(filter.record.grammar, filter.record.expression)
    return undefined
  } catch (cause) {
    if (cause instanceof FilterError) return cause.status
    throw cause
  }
}
