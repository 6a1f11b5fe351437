/**
 * From an Alert to the way a datastore is synchronized (OM-12, reference 3.3). The datastore decides on anchors;
 * here is only what the protocol says about codes and URIs.
 */

import { MAX_OBJECT_BYTES, MAX_POSITIONS } from '../../schemas/limits.ts'
import type { Item } from '../../schemas/syncml/message.ts'
import { type PositionChain, parsePositionEmi } from '../../schemas/syncml/position.ts'
import type { Datastore, DatastoreRegistry, Peer, SyncDecision, SyncRequest, SyncType } from '../datastore/datastore.ts'

/** Alert codes that ask for a synchronization; 225 resumes one. */
export function isSyncAlert(code: string): boolean {
  return /^20[0-5]$/.test(code) || code === '225'
}

/** Finds the datastore a client means: its own spelling of our URI, tolerant as reference 9.5 asks. */
export async function findDatastore(
  registry: DatastoreRegistry,
  peer: Peer,
  uri: string,
): Promise<Datastore | undefined> {
  const path = uri
    .trim()
    .replace(/[?#].*$/, '')
    .replace(/^https?:\/\/[^/]*\//i, '')
    .replace(/^(\.?\/)+/, '')
    .replace(/\/+$/, '')
  if (path === '') return undefined
  const exact = await registry.find(peer, `./${path}`)
  return exact ?? (path === path.toLowerCase() ? undefined : registry.find(peer, `./${path.toLowerCase()}`))
}

/** What an Alert's Item asks for. `Last` may be absent, empty or zero at a first sync: all the same. */
export function readSyncRequest(code: string, item: Item): SyncRequest | undefined {
  const anchor = item.meta?.anchor
  if (!anchor || anchor.next.trim() === '') return undefined
  const position = positionOf(item)
  const last = anchor.last?.trim() ?? ''
  return {
    // We keep no suspended sessions: a resume begins again with a slow sync (reference 3.14).
    type: (code === '225' ? 201 : Number(code)) as SyncType,
    next: anchor.next.trim(),
    ...(last !== '' ? { last } : {}),
    ...(item.meta?.maxObjSize !== undefined ? { maxObjSize: item.meta.maxObjSize } : {}),
    ...(position ? { position } : {}),
  }
}

/** Asks the datastore. A type it does not offer is 406; a resume is answered as a refused one, 508. */
export async function chooseSyncMode(
  datastore: Datastore,
  peer: Peer,
  code: string,
  request: SyncRequest,
): Promise<SyncDecision> {
  if (!datastore.syncTypes.includes(request.type)) return { status: 406 }
  const decision = await datastore.decide(peer, request)
  return code === '225' && decision.status === 200 ? { ...decision, status: 508 } : decision
}

/** Largest object we take for a decision. */
export function ownMaxObjSize(decision: { readonly maxObjSize?: number }): number {
  return Math.min(decision.maxObjSize ?? MAX_OBJECT_BYTES, MAX_OBJECT_BYTES)
}

function positionOf(item: Item): PositionChain | undefined {
  for (const emi of item.meta?.emi ?? []) {
    const position = parsePositionEmi(emi, MAX_POSITIONS)
    if (position) return position
  }
  return undefined
}
