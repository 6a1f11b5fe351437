/**
 * From an Alert to the way a datastore is synchronized (OM-12, reference 3.3). The datastore decides on anchors;
 * here is only what the protocol says about codes and URIs.
 */

import { parseChoiceEmi } from '../../schemas/backupChoice.ts'
import { MAX_OBJECT_BYTES, MAX_POSITIONS } from '../../schemas/limits.ts'
import { pathOf } from '../../schemas/syncml/datastoreUri.ts'
import type { Item } from '../../schemas/syncml/message.ts'
import { parsePositionEmi } from '../../schemas/syncml/position.ts'
import type { DatastoreRegistry, Peer, SyncType } from '../datastore/datastore.ts'
import type { ItemClient, ItemSyncDecision, ItemSyncRequest, SyncDatastore } from '../datastore/syncDatastore.ts'
import { readFilter } from './readFilter.ts'

/** Alert codes that ask for a synchronization; 225 resumes one. */
export function isSyncAlert(code: string): boolean {
  return /^20[0-5]$/.test(code) || code === '225'
}

/** Finds the datastore a client means: its own spelling of our URI, tolerant as reference 9.5 asks. */
export async function findDatastore(
  registry: DatastoreRegistry,
  peer: Peer,
  uri: string,
): Promise<SyncDatastore | undefined> {
  const path = pathOf(
    uri
      .trim()
      .replace(/[?#].*$/, '')
      .replace(/^https?:\/\/[^/]*\//i, ''),
  )
  if (path === '') return undefined
  const exact = await registry.find(peer, `./${path}`)
  return exact ?? (path === path.toLowerCase() ? undefined : registry.find(peer, `./${path.toLowerCase()}`))
}

/**
 * What an Alert's Item asks for, or the Status that refuses it. `Last` may be absent, empty or zero at a first sync: all
 * the same.
 * @param peerMaxObjSize of the SyncHdr, 0 if it said nothing
 */
export function readSyncRequest(code: string, item: Item, peerMaxObjSize: number): ItemSyncRequest | 406 | 412 | 415 {
  const anchor = item.meta?.anchor
  if (!anchor || anchor.next.trim() === '') return 412
  const filter = readFilter(item.target)
  if (typeof filter === 'number') return filter
  const position = firstOf(item, (emi) => parsePositionEmi(emi, MAX_POSITIONS))
  const choice = firstOf(item, parseChoiceEmi)
  const last = anchor.last?.trim() ?? ''
  const sizes = [item.meta?.maxObjSize ?? 0, peerMaxObjSize].filter((size) => size > 0)
  return {
    type: code === '225' ? 'resume' : (Number(code) as SyncType),
    next: anchor.next.trim(),
    ...(last !== '' ? { last } : {}),
    ...(sizes.length > 0 ? { maxObjSize: Math.min(...sizes) } : {}),
    ...(filter ? { filter } : {}),
    ...(position ? { position } : {}),
    ...(choice ? { choice } : {}),
  }
}

/** Asks the datastore. A type it does not offer is 406; so is a resume where nothing can be gone on with. */
export async function chooseSyncMode(
  datastore: SyncDatastore,
  client: ItemClient,
  request: ItemSyncRequest,
): Promise<ItemSyncDecision> {
  const offered = request.type === 'resume' ? datastore.kind === 'items' : datastore.syncTypes.includes(request.type)
  return offered ? datastore.decide(client, request) : { status: 406 }
}

/** Largest object we take for a decision. */
export function ownMaxObjSize(decision: { readonly maxObjSize?: number }): number {
  return Math.min(decision.maxObjSize ?? MAX_OBJECT_BYTES, MAX_OBJECT_BYTES)
}

function firstOf<T>(item: Item, parse: (emi: string) => T | undefined): T | undefined {
  for (const emi of item.meta?.emi ?? []) {
    const found = parse(emi)
    if (found !== undefined) return found
  }
  return undefined
}
