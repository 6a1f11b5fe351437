/**
 * One database of a device as a datastore: `./databases/<name>`. Takes Deltas (202) and whole files (203), hands out
 * the whole file (205). The device is the master: nothing of the server's ever changes it. Rules BK-3, BK-6, RS-9.
 */

import { randomBytes } from 'node:crypto'
import { DATABASE_FILE_TYPE, DELTA_TYPE, FILE_GZIP_TYPE } from '../../schemas/delta/contentTypes.ts'
import { CodedError, errorEntry } from '../../schemas/errors.ts'
import type { PositionChain } from '../../schemas/syncml/position.ts'
import { isToken } from '../../schemas/syncml/position.ts'
import type { Copies, ReceivedContent } from '../backup/copies.ts'
import type { DatabaseKey, DatabaseRow } from '../catalogue/catalogue.ts'
import type { Spool } from '../storage/spool.ts'
import type {
  ChangeOutcome,
  Datastore,
  DatastoreState,
  ItemChange,
  OutgoingItem,
  Peer,
  SyncDecision,
  SyncRequest,
} from './datastore.ts'

/** Whole files for clients that know nothing but SyncML, by whatever restores have (RS-9). */
export interface WholeFiles {
  /** Builds the plain file of a copy; the result finds it again, also after a restart. */
  build(
    row: DatabaseRow,
  ): Promise<{ readonly imageId: string; readonly wrappedKey: string; readonly sizeBytes: number }>
  read(image: { imageId: string; wrappedKey: string }, offset: number, length: number): Promise<Uint8Array>
  remove(imageId: string): Promise<void>
}

export interface DatabaseDatastoreParts {
  readonly copies: Copies
  readonly spool: Spool
  readonly images: WholeFiles
  /** Largest Item that is taken; by default as large as any. */
  readonly maxObjectBytes?: number
}

/** The one Item a database has. */
const DATABASE_LUID = 'database'

/** The datastore of the database `name`; it need not exist yet. */
export function createDatabaseDatastore(parts: DatabaseDatastoreParts, name: string): Datastore {
  return {
    uri: `./databases/${encodeURIComponent(name)}`,
    syncTypes: [202, 203, 205],
    contentTypes: [
      [DELTA_TYPE, '1'],
      [FILE_GZIP_TYPE, '1'],
      [DATABASE_FILE_TYPE, '3'],
    ],
    decide: (peer, request) => decide(parts, keyOf(peer, name), request),
    apply: (peer, state, change) => apply(parts, keyOf(peer, name), state, change),
    outgoing: (peer, state) => outgoing(parts, keyOf(peer, name), state),
    finish: (_peer, state) => dropImage(parts, state),
    abandon: (_peer, state) => dropImage(parts, state),
  }
}

function keyOf(peer: Peer, name: string): DatabaseKey {
  return { accountId: peer.accountId, deviceId: peer.deviceId, name }
}

async function decide(parts: DatabaseDatastoreParts, key: DatabaseKey, request: SyncRequest): Promise<SyncDecision> {
  const row = await parts.copies.find(key)
  const { maxObjectBytes } = parts
  const held = {
    ...(row && { last: String(row.number), position: heldPosition(row) }),
    ...(maxObjectBytes !== undefined && { maxObjSize: maxObjectBytes }),
  }
  if (request.type === 203) {
    const begin = beginning(request.position)
    return { status: 200, type: 203, ...held, next: request.next, state: { type: 203, ...begin } }
  }
  if (request.type === 205) {
    if (!row) return { status: 404 }
    return { status: 200, type: 205, ...held, next: request.next, state: { type: 205 } }
  }
  if (request.type !== 202) return { status: 406 }
  const welcome = row && request.position && parts.copies.judgeChain(row, request.position) === 'welcome'
  if (welcome) return { status: 200, type: 202, ...held, next: request.next, state: { type: 202 } }
  return { status: 508, type: 203, ...held, next: request.next, state: { type: 203, ...beginning(undefined) } }
}

function heldPosition(row: DatabaseRow): PositionChain {
  return { lineage: row.lineage, positions: [{ number: row.number, token: row.token }] }
}

/** A classic client names no position: its file begins a life of its own. */
function beginning(position: PositionChain | undefined): { lineage: string; number: number; token: string } {
  const last = position?.positions[position.positions.length - 1]
  if (position && last) return { lineage: position.lineage, number: last.number, token: last.token }
  return { lineage: randomBytes(16).toString('hex'), number: 0, token: randomBytes(16).toString('hex') }
}

async function apply(
  parts: DatabaseDatastoreParts,
  key: DatabaseKey,
  state: DatastoreState,
  change: ItemChange,
): Promise<ChangeOutcome> {
  // Deleting a backup is no part of a backup: the copy outlives the file (405).
  if (change.kind === 'delete') return { status: 405, state }
  const content = locate(parts, change)
  try {
    if (state.type === 202 && change.type === DELTA_TYPE) {
      await parts.copies.applyDelta(key, content)
      return { status: 200, state }
    }
    if (state.type === 203 && (change.type === FILE_GZIP_TYPE || change.type === DATABASE_FILE_TYPE)) {
      await parts.copies.replaceByFile(key, readBeginning(state), content)
      return { status: 200, state }
    }
    return { status: 415, state }
  } catch (cause) {
    if (cause instanceof CodedError && cause.code !== 'internal')
      return { status: errorEntry(cause.code).status, state }
    throw cause
  }
}

function locate(parts: DatabaseDatastoreParts, change: ItemChange & { kind: 'put' }): ReceivedContent {
  const { content } = change
  if (content.kind === 'inline') return { source: content, sizeBytes: content.bytes.length }
  return { source: { kind: 'spool', ...parts.spool.locate(content.spoolId) }, sizeBytes: content.sizeBytes }
}

function readBeginning(state: DatastoreState): { lineage: string; number: number; token: string } {
  const { lineage, number, token } = state
  if (typeof lineage !== 'string' || !isToken(lineage) || typeof token !== 'string' || typeof number !== 'number') {
    throw new CodedError('internal', 'the session does not know its beginning')
  }
  return { lineage, number, token }
}

interface ImageState {
  readonly imageId: string
  readonly wrappedKey: string
  readonly sizeBytes: number
}

async function outgoing(
  parts: DatabaseDatastoreParts,
  key: DatabaseKey,
  state: DatastoreState,
): Promise<{ items: OutgoingItem[]; state: DatastoreState }> {
  if (state.type !== 205) return { items: [], state }
  const row = await parts.copies.find(key)
  if (!row) throw new CodedError('database.unknown', `there is no copy of ${key.name}`)
  const image = imageOf(state) ?? (await parts.images.build(row))
  const item: OutgoingItem = {
    command: 'Add',
    id: DATABASE_LUID,
    type: DATABASE_FILE_TYPE,
    sizeBytes: image.sizeBytes,
    read: (offset, length) => parts.images.read(image, offset, length),
  }
  return { items: [item], state: { ...state, ...image } }
}

function imageOf(state: DatastoreState): ImageState | undefined {
  const { imageId, wrappedKey, sizeBytes } = state
  if (typeof imageId !== 'string' || typeof wrappedKey !== 'string' || typeof sizeBytes !== 'number') return undefined
  return { imageId, wrappedKey, sizeBytes }
}

/** The image that a session of such a state reads from, if there is one: it is not to be cleared away. */
export function imageIdOf(state: DatastoreState): string | undefined {
  return imageOf(state)?.imageId
}

async function dropImage(parts: DatabaseDatastoreParts, state: DatastoreState): Promise<void> {
  const image = imageOf(state)
  if (image) await parts.images.remove(image.imageId)
}
