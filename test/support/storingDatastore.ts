/**
 * A datastore that really stores, for tests of the session engine: bytes by LUID, anchors per device, durable across
 * "restarts" because it is outside the engine. It offers what its options say.
 */

import type { PositionChain } from '../../schemas/syncml/position.ts'
import type {
  ChangeOutcome,
  Datastore,
  DatastoreRegistry,
  OutgoingItem,
  Peer,
  SyncType,
} from '../../server/datastore/datastore.ts'
import type { Spool } from '../../server/storage/spool.ts'

export interface StoredItem {
  readonly bytes: Uint8Array
  readonly type: string
}

export interface StoringDatastore extends Datastore {
  /** What is stored, by account and LUID. */
  readonly items: Map<string, StoredItem>
  /** What the client is given by 200, 201, 204 and 205. */
  readonly offered: Map<string, StoredItem>
  readonly events: string[]
  readonly acknowledged: string[]
  /** Kinds of content the changes came with. */
  readonly contents: ('inline' | 'spool')[]
  /** Where the server stands; 202 with another `last` is answered 508. */
  anchor: string | undefined
  position: PositionChain | undefined
  /** Status of the next change, once. */
  failNext: number | undefined
}

export function storingDatastore(uri: string, syncTypes: readonly SyncType[], spool: Spool): StoringDatastore {
  const store: StoringDatastore = {
    uri,
    syncTypes,
    contentTypes: [['application/octet-stream', '1.0']],
    items: new Map(),
    offered: new Map(),
    events: [],
    acknowledged: [],
    contents: [],
    anchor: undefined,
    position: undefined,
    failNext: undefined,
    async decide(_peer, request) {
      const { position } = store
      const more = { next: request.next, state: { next: request.next, applied: 0 }, ...(position ? { position } : {}) }
      if (request.type === 202 && request.last !== store.anchor) return { status: 508, type: 203, ...more }
      return { status: 200, type: request.type, ...(store.anchor ? { last: store.anchor } : {}), ...more }
    },
    async apply(peer, state, change): Promise<ChangeOutcome> {
      const { failNext } = store
      store.failNext = undefined
      if (failNext !== undefined) return { status: failNext, state }
      const key = `${peer.accountId}/${change.luid}`
      const next = { ...state, applied: Number(state.applied ?? 0) + 1 }
      store.events.push(`${change.kind} ${change.luid}`)
      if (change.kind === 'delete') return { status: store.items.delete(key) ? 200 : 211, state: next }
      const known = store.items.has(key)
      store.contents.push(change.content.kind)
      store.items.set(key, { bytes: await contentBytes(change.content, spool), type: change.type })
      return { status: known ? 200 : 201, state: next }
    },
    async outgoing(_peer, state) {
      return { items: [...store.offered].map(([id, item]) => outgoingItem(id, item)), state }
    },
    async finish(_peer, state, acknowledged) {
      store.events.push('finish')
      store.acknowledged.push(...acknowledged)
      store.anchor = String(state.next)
    },
    async abandon() {
      store.events.push('abandon')
    },
  }
  return store
}

async function contentBytes(
  content: { kind: 'inline'; bytes: Uint8Array } | { kind: 'spool'; spoolId: string; sizeBytes: number },
  spool: Spool,
): Promise<Uint8Array> {
  if (content.kind === 'inline') return content.bytes.slice()
  const parts: Uint8Array[] = []
  for await (const part of spool.read(content.spoolId)) parts.push(part)
  const bytes = Buffer.concat(parts)
  if (bytes.length !== content.sizeBytes) throw new Error(`spool holds ${bytes.length}, not ${content.sizeBytes}`)
  return new Uint8Array(bytes)
}

function outgoingItem(id: string, { bytes, type }: StoredItem): OutgoingItem {
  return {
    command: 'Add',
    id,
    type,
    sizeBytes: bytes.length,
    read: async (offset, length) => bytes.slice(offset, offset + length),
  }
}

export function registryOf(...stores: readonly Datastore[]): DatastoreRegistry {
  return {
    find: async (_peer: Peer, uri: string) => stores.find((store) => store.uri === uri),
    list: async () => stores,
  }
}
