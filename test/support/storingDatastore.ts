/**
 * A datastore that really stores, for tests of the session engine: bytes by LUID, anchors per device, durable across
 * "restarts" because it is outside the engine. It offers what its options say.
 */

import { MAX_OBJECT_BYTES } from '../../schemas/limits.ts'
import type { PositionChain } from '../../schemas/syncml/position.ts'
import type { DatastoreRegistry, Peer, SyncType } from '../../server/datastore/datastore.ts'
import type { ClientItemChange, ItemForClient, SyncDatastore } from '../../server/datastore/syncDatastore.ts'
import type { Spool } from '../../server/storage/spool.ts'

export interface StoredItem {
  readonly bytes: Uint8Array
  readonly type: string
}

export interface StoringDatastore extends SyncDatastore {
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
  const applyOne = async (accountId: string, change: ClientItemChange): Promise<number> => {
    const { failNext } = store
    store.failNext = undefined
    if (failNext !== undefined) return failNext
    const key = `${accountId}/${change.luid}`
    store.events.push(`${change.kind} ${change.luid}`)
    if (change.kind === 'delete') return store.items.delete(key) ? 200 : 211
    if (change.kind !== 'put') return 406
    const known = store.items.has(key)
    store.contents.push(change.content.kind)
    store.items.set(key, { bytes: await contentBytes(change.content, spool), type: change.type })
    return known ? 200 : 201
  }
  const store: StoringDatastore = {
    kind: 'object',
    uri,
    displayName: uri,
    syncTypes,
    contentTypes: [['application/octet-stream', '1.0']],
    ctCaps: [
      { ctType: 'application/octet-stream', verCt: '1.0', properties: [{ propName: 'D', valEnums: [], params: [] }] },
    ],
    filterGrammars: [],
    hierarchical: false,
    maxObjSize: MAX_OBJECT_BYTES,
    items: new Map(),
    offered: new Map(),
    events: [],
    acknowledged: [],
    contents: [],
    anchor: undefined,
    position: undefined,
    failNext: undefined,
    async decide(_client, request) {
      const { position } = store
      const more = { next: request.next, state: { next: request.next, applied: 0 }, ...(position ? { position } : {}) }
      if (request.type === 'resume') return { status: 508, type: 201, ...more }
      if (request.type === 202 && request.last !== store.anchor) return { status: 508, type: 203, ...more }
      return { status: 200, type: request.type, ...(store.anchor ? { last: store.anchor } : {}), ...more }
    },
    async apply(client, state, changes) {
      const outcomes: { status: number }[] = []
      for (const change of changes) outcomes.push({ status: await applyOne(client.accountId, change) })
      return { outcomes, state: { ...state, applied: Number(state.applied ?? 0) + changes.length } }
    },
    close: async (_client, state) => ({ total: store.offered.size, status: 200, state }),
    page: async (_client, _state, from, { count }) =>
      [...store.offered].slice(from, from + count).map(([id, item]) => outgoingItem(id, item)),
    async acknowledge(_client, _state, answers) {
      const taken = answers.filter(({ status }) => status < 300).map(({ id }) => id)
      store.acknowledged.push(...taken.filter((id) => !store.acknowledged.includes(id)))
    },
    async map(_client, pairs) {
      return pairs.map(({ guid }) => ({ status: store.offered.has(guid) ? 200 : 404 }))
    },
    async finish(_client, state) {
      store.events.push('finish')
      store.anchor = String(state.next)
    },
    async suspend() {
      store.events.push('suspend')
    },
    allowEmpty: async () => false,
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

function outgoingItem(id: string, { bytes, type }: StoredItem): ItemForClient {
  const read = async (offset: number, length: number) => bytes.slice(offset, offset + length)
  return { command: 'Add', id, type, octets: new Uint8Array(0), large: { sizeBytes: bytes.length, read } }
}

export function registryOf(...stores: readonly SyncDatastore[]): DatastoreRegistry {
  return {
    find: async (_peer: Peer, uri: string) => stores.find((store) => store.uri === uri),
    list: async () => stores,
  }
}
