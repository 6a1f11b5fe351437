/**
 * Applies a message's changes by a client in one transaction, in their order (IT-4 to IT-7, IT-11, IT-13, IT-15).
 */

import { MAX_ITEM_BYTES } from '../../schemas/limits.ts'
import { isSettled } from '../../schemas/syncml/codes.ts'
import { readSpoolFile } from '../storage/fileSpool.ts'
import { applyDelete, applyRefusedDelete } from './applyDelete.ts'
import { applyCopy, applyMove } from './applyMove.ts'
import { applyPut } from './applyPut.ts'
import { openChange } from './changeScope.ts'
import { requireRun, updateClient } from './clientRow.ts'
import type { ContentRules } from './content.ts'
import { findByLuid } from './deviceMap.ts'
import { refusesDeletes } from './guard.ts'
import type { ItemFile } from './itemFile.ts'
import { findItem } from './itemRows.ts'
import type { ItemCallContext, ItemCalls, JobChange } from './jobInput.ts'

/** Statuses of inner commands of an Atomic that failed (reference 3.17). */
const ROLLED_BACK = 216
const NOT_EXECUTED = 215

/** Ends the transaction of an Atomic in which a change failed. */
class AtomicFailure extends Error {}

export async function applyJob(
  file: ItemFile,
  rules: ContentRules,
  context: ItemCallContext,
  input: ItemCalls['apply']['input'],
): Promise<ItemCalls['apply']['output']> {
  // Octets first: nothing waits inside a transaction.
  const octets = await Promise.all(input.changes.map(readOctets))
  const statuses: number[] = []
  try {
    file.write(() => applyAll(file, rules, context, input, octets, statuses))
  } catch (cause) {
    if (!(cause instanceof AtomicFailure)) throw cause
    const failed = statuses.length - 1
    return { statuses: input.changes.map((_, at) => atomicStatus(at, failed, statuses[failed] ?? 500)) }
  }
  return { statuses }
}

function atomicStatus(at: number, failed: number, status: number): number {
  return at < failed ? ROLLED_BACK : at === failed ? status : NOT_EXECUTED
}

/** Undefined for an Item beyond the limit, and for changes without content. */
async function readOctets(change: JobChange): Promise<Uint8Array | undefined> {
  if (change.kind !== 'put') return undefined
  if (change.content.kind === 'inline')
    return change.content.bytes.length > MAX_ITEM_BYTES ? undefined : change.content.bytes
  const pieces: Uint8Array[] = []
  let sizeBytes = 0
  for await (const piece of readSpoolFile(change.content.path, change.content.key)) {
    sizeBytes += piece.length
    if (sizeBytes > MAX_ITEM_BYTES) return undefined
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function applyAll(
  file: ItemFile,
  rules: ContentRules,
  context: ItemCallContext,
  { state, changes, atomic }: ItemCalls['apply']['input'],
  octets: readonly (Uint8Array | undefined)[],
  statuses: number[],
): void {
  const row = requireRun(file, state.client, state.run)
  const scope = openChange(file, rules, context, row, state.type)
  const deletes = countDeletes(file, row.client, changes)
  let guarded = refusesDeletes({ itemsAtStart: row.itemsAtStart, deletedBefore: row.deleted, deletes })
  if (guarded && row.allowEmpty) {
    guarded = false
    updateClient(file, row.client, { allow_empty: false })
  }
  changes.forEach((change, at) => {
    let status: number
    if (state.type === 204 || state.type === 205) status = 403
    else if (change.kind === 'put') status = applyPut(scope, change, octets[at])
    else if (change.kind === 'delete')
      status = guarded && !change.soft ? applyRefusedDelete(scope, change) : applyDelete(scope, change)
    else if (change.kind === 'copy') status = applyCopy(scope, change)
    else status = applyMove(scope, change)
    statuses.push(status)
    if (atomic && !isSettled(status)) throw new AtomicFailure()
  })
  if (scope.deleted > 0 || scope.evidence !== row.evidence)
    updateClient(file, row.client, { deleted: row.deleted + scope.deleted, evidence: scope.evidence })
}

/** Hard deletes of Items that are there. */
function countDeletes(file: ItemFile, client: number, changes: readonly JobChange[]): number {
  let count = 0
  for (const change of changes) {
    if (change.kind !== 'delete' || change.soft) continue
    const mapped = findByLuid(file, client, change.luid)
    if (mapped !== undefined && findItem(file, mapped.id) !== undefined) count++
  }
  return count
}
