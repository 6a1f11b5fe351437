/**
 * What a device shall get, from versions alone (IT-2), in an order it can follow (IT-15): pure.
 */

import type { ItemSyncType } from '../datastore/syncDatastore.ts'

/** What the map says a device has of an Item. */
export interface DeviceVersion {
  /** Undefined for an Item the device took without telling its LUID. */
  readonly luid?: string
  readonly version: number
  /** It asked to be spared the Item (soft delete) or refused it for good: only in this version. */
  readonly spared: boolean
  /** Sent in the last finished sync, whose end the device may never have seen. */
  readonly resend: boolean
}

/** An Item that is there, and what the device has of it. */
export interface PlannedItem {
  readonly id: string
  readonly changed: number
  readonly parent?: string
  readonly has?: DeviceVersion
  /** False: what an exclusive or inclusive filter does not let through, or what is larger than the device takes. */
  readonly wanted: boolean
  /** With `wanted` false: the device shall not have it (exclusive filter); else it keeps what it has. */
  readonly unwanted: boolean
}

/** One command for the device. */
export interface PlannedCommand {
  readonly command: 'Add' | 'Replace' | 'Delete'
  readonly id: string
  readonly luid?: string
  /** The version that is sent; 0 for Delete. */
  readonly version: number
}

/**
 * @param items all Items of the datastore.
 * @param gone what the device has of Items that are no longer there.
 */
export function planOutgoing(
  type: ItemSyncType,
  items: readonly PlannedItem[],
  gone: readonly { readonly id: string; readonly luid?: string }[],
  hierarchical: boolean,
): PlannedCommand[] {
  if (type === 202 || type === 203) return []
  const puts: PlannedItem[] = []
  const deletes: PlannedCommand[] = []
  for (const item of items) {
    if (item.unwanted && item.has?.luid !== undefined) deletes.push(deletion(item.id, item.has.luid))
    else if (needs(item)) puts.push(item)
  }
  for (const { id, luid } of gone) if (luid !== undefined) deletes.push(deletion(id, luid))
  const commands = inOrder(puts, items, hierarchical).map(putOf)
  // A folder may still hold what is about to be moved elsewhere; where there are no folders room is made first.
  return hierarchical ? [...commands, ...deletes.reverse()] : [...deletes, ...commands]
}

function deletion(id: string, luid: string): PlannedCommand {
  return { command: 'Delete', id, luid, version: 0 }
}

function needs({ has, changed, wanted }: PlannedItem): boolean {
  if (has === undefined) return wanted
  // What an inclusive filter leaves out but the device has is kept in step.
  if (has.luid === undefined && !wanted) return false
  return has.version < changed || (has.resend && !has.spared)
}

function putOf({ id, changed, has }: PlannedItem): PlannedCommand {
  const luid = has?.luid
  return luid === undefined || has?.spared
    ? { command: 'Add', id, version: changed }
    : { command: 'Replace', id, luid, version: changed }
}

/** Parents before children. A child whose parent the device neither has nor gets waits. */
function inOrder(puts: PlannedItem[], items: readonly PlannedItem[], hierarchical: boolean): PlannedItem[] {
  if (!hierarchical) return puts
  const byId = new Map(items.map((item) => [item.id, item]))
  const placed = new Map<string, boolean>()
  const ordered: PlannedItem[] = []
  const sent = new Set(puts)
  const place = (item: PlannedItem, depth: number): boolean => {
    const known = placed.get(item.id)
    if (known !== undefined) return known
    // A circle of folders cannot be placed anywhere.
    placed.set(item.id, false)
    const parent = item.parent === undefined ? undefined : byId.get(item.parent)
    const ready = item.parent === undefined || (parent !== undefined && depth < 1000 && place(parent, depth + 1))
    const there = ready && (sent.has(item) || item.has !== undefined)
    placed.set(item.id, there)
    if (there && sent.has(item)) ordered.push(item)
    return there
  }
  for (const item of puts) place(item, 0)
  return ordered
}
