/**
 * One database of a device as a datastore: `./databases/<name>`. Takes Deltas (202) and whole files (203), hands out
 * the whole file (205). The device is the master: nothing of the server's ever changes it. Rules BK-3, BK-6, RS-9.
 */

import { randomBytes } from 'node:crypto'
import {
  type BackupChoice,
  type BackupMethod,
  DEFAULT_CHOICE,
  formatChoiceEmi,
  parseChoiceEmi,
} from '../../schemas/backupChoice.ts'
import { DATABASE_FILE_TYPE, DELTA_TYPE, FILE_GZIP_TYPE, FILE_ZSTD_TYPE } from '../../schemas/delta/contentTypes.ts'
import { CodedError, errorEntry } from '../../schemas/errors.ts'
import { MAX_OBJECT_BYTES } from '../../schemas/limits.ts'
import { databaseUri } from '../../schemas/syncml/databaseUri.ts'
import type { PositionChain } from '../../schemas/syncml/position.ts'
import { isToken } from '../../schemas/syncml/position.ts'
import type { Arrivals } from '../backup/arrivals.ts'
import type { Copies, ReceivedContent } from '../backup/copies.ts'
import type { DatabaseKey, DatabaseRow } from '../catalogue/catalogue.ts'
import type { Spool } from '../storage/spool.ts'
import type { ArrivingItem, DatastoreState, Peer } from './datastore.ts'
import type {
  ClientItemChange,
  ItemForClient,
  ItemSyncDecision,
  ItemSyncRequest,
  SyncDatastore,
} from './syncDatastore.ts'

/** Whole files for clients that know nothing but SyncML, by whatever restores have (RS-9). */
export interface WholeFiles {
  /**
   * Builds the plain file of a database; the result finds it again, also after a restart.
   * @throws {CodedError} `database.unknown`
   */
  build(
    key: DatabaseKey,
  ): Promise<{ readonly imageId: string; readonly wrappedKey: string; readonly sizeBytes: number }>
  read(image: { imageId: string; wrappedKey: string }, offset: number, length: number): Promise<Uint8Array>
  remove(imageId: string): Promise<void>
}

export interface DatabaseDatastoreParts {
  readonly copies: Copies
  readonly spool: Spool
  readonly images: WholeFiles
  /** Takes whole files in while they arrive. */
  readonly arrivals?: Arrivals
  /** What users may choose; by default everything. */
  readonly limits?: BackupLimits
  /** Largest Item that is taken; by default as large as any. */
  readonly maxObjectBytes?: number
}

/** What the operator leaves to the users of devices (BK-26). */
export interface BackupLimits {
  readonly methods: ReadonlySet<BackupMethod>
  /** `on`: older states are kept, whatever a device says. */
  readonly timeMachine: 'on' | 'device'
}

/** What a whole file may come as; its first octets say what it is. */
const FILE_TYPES: readonly string[] = [FILE_GZIP_TYPE, FILE_ZSTD_TYPE, DATABASE_FILE_TYPE]

/** The one Item a database has. */
const DATABASE_LUID = 'database'

const CONTENT_TYPES = [
  [DELTA_TYPE, '1'],
  [FILE_GZIP_TYPE, '1'],
  [FILE_ZSTD_TYPE, '1'],
  [DATABASE_FILE_TYPE, '3'],
] as const

/** The model of 1.2 demands a CTCap with at least one Property. */
const CT_CAPS = CONTENT_TYPES.map(([ctType, verCt]) => ({
  ctType,
  verCt,
  properties: [{ propName: 'DATA', valEnums: [], params: [] }],
}))

/** The datastore of the database `name`; it need not exist yet. */
export function createDatabaseDatastore(parts: DatabaseDatastoreParts, name: string): SyncDatastore {
  return {
    kind: 'object',
    uri: databaseUri(name),
    displayName: name,
    syncTypes: [202, 203, 205],
    contentTypes: CONTENT_TYPES,
    ctCaps: CT_CAPS,
    filterGrammars: [],
    hierarchical: false,
    maxObjSize: parts.maxObjectBytes ?? MAX_OBJECT_BYTES,
    decide: (peer, request) => decide(parts, keyOf(peer, name), request),
    arriving: (_peer, state, item) => noteArrival(parts, state, item),
    async apply(peer, state, changes, { atomic = false } = {}) {
      const outcomes: { status: number }[] = []
      // One object at a time: several of them cannot be taken back together.
      const together = atomic && changes.length > 1
      for (const change of changes)
        outcomes.push({ status: together ? 406 : await apply(parts, keyOf(peer, name), state, change) })
      return { outcomes, state }
    },
    close: (peer, state) => close(parts, keyOf(peer, name), state),
    page: async (_peer, state, from) => (from === 0 ? outgoing(parts, state) : []),
    // A backup is not changed by what becomes of it on the device.
    acknowledge: async () => undefined,
    map: async (_peer, pairs) => pairs.map(({ guid }) => ({ status: guid === DATABASE_LUID ? 200 : 404 })),
    finish: (_peer, state) => dropImage(parts, state),
    suspend: (_peer, state) => dropImage(parts, state),
    allowEmpty: async () => false,
  }
}

function keyOf(peer: Peer, name: string): DatabaseKey {
  return { accountId: peer.accountId, deviceId: peer.deviceId, name }
}

async function decide(
  parts: DatabaseDatastoreParts,
  key: DatabaseKey,
  request: ItemSyncRequest,
): Promise<ItemSyncDecision> {
  if (!isAllowed(parts.limits, request)) return { status: 406 }
  const row = await parts.copies.find(key)
  const { maxObjectBytes } = parts
  const wish = wishOf(parts.limits, request.choice)
  const held = {
    ...(row && { last: String(row.number), position: heldPosition(row) }),
    ...(maxObjectBytes !== undefined && { maxObjSize: maxObjectBytes }),
  }
  if (request.type === 203) {
    const begin = beginning(request.position)
    return { status: 200, type: 203, ...held, next: request.next, state: { type: 203, ...begin, ...wish } }
  }
  if (request.type === 205) {
    if (!row) return { status: 404 }
    return { status: 200, type: 205, ...held, next: request.next, state: { type: 205 } }
  }
  if (request.type !== 202) return { status: 406 }
  const welcome = row && request.position && parts.copies.judgeChain(row, request.position) === 'welcome'
  if (welcome) return { status: 200, type: 202, ...held, next: request.next, state: { type: 202, ...wish } }
  return { status: 508, type: 203, ...held, next: request.next, state: { type: 203, ...beginning(undefined) } }
}

/** A whole file without a word on methods is how every method begins. */
function isAllowed(limits: BackupLimits | undefined, { type, choice }: ItemSyncRequest): boolean {
  if (limits === undefined || type === 205 || (type === 203 && choice === undefined)) return true
  return limits.methods.has((choice ?? DEFAULT_CHOICE).method)
}

/** What the session remembers of the user's choice, within the operator's limits; nothing of the default. */
function wishOf(limits: BackupLimits | undefined, choice = DEFAULT_CHOICE): { readonly choice?: string } {
  const text = formatChoiceEmi(limits?.timeMachine === 'on' ? { ...choice, timeMachine: 'on' } : choice)
  return text === undefined ? {} : { choice: text }
}

function choiceOf({ choice }: DatastoreState): BackupChoice {
  return (typeof choice === 'string' ? parseChoiceEmi(choice) : undefined) ?? DEFAULT_CHOICE
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
  change: ClientItemChange,
): Promise<number> {
  // Deleting a backup is no part of a backup: the copy outlives the file (405).
  if (change.kind === 'delete') return 405
  if (change.kind !== 'put') return 406
  const content = locate(parts, change)
  try {
    if (state.type === 202 && change.type === DELTA_TYPE) {
      await parts.copies.applyDelta(key, content, choiceOf(state))
      return 200
    }
    if (state.type === 203 && FILE_TYPES.includes(change.type)) {
      await parts.copies.replaceByFile(key, readBeginning(state), content, choiceOf(state))
      return 200
    }
    return 415
  } catch (cause) {
    if (cause instanceof CodedError && cause.code !== 'internal') return errorEntry(cause.code).status
    throw cause
  }
}

/** A process is worth starting early for a file that takes longer than its start. */
const EARLY_BYTES = 2 * 1024 * 1024

function noteArrival(parts: DatabaseDatastoreParts, state: DatastoreState, item: ArrivingItem): void {
  if (state.type !== 203 || !FILE_TYPES.includes(item.type) || item.sizeBytes < EARLY_BYTES) return
  const { spoolId, settledBytes } = item
  parts.arrivals?.note(spoolId, { kind: 'spool', ...parts.spool.locate(spoolId) }, settledBytes)
}

function locate(parts: DatabaseDatastoreParts, change: ClientItemChange & { kind: 'put' }): ReceivedContent {
  const { content } = change
  if (content.kind === 'inline') return { source: content, sizeBytes: content.bytes.length }
  const { spoolId, sizeBytes } = content
  return { source: { kind: 'spool', ...parts.spool.locate(spoolId) }, sizeBytes, spoolId }
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

async function close(
  parts: DatabaseDatastoreParts,
  key: DatabaseKey,
  state: DatastoreState,
): Promise<{ total: number; status: 200; state: DatastoreState }> {
  if (state.type !== 205) return { total: 0, status: 200, state }
  const image = imageOf(state) ?? (await parts.images.build(key))
  return { total: 1, status: 200, state: { ...state, ...image } }
}

function outgoing(parts: DatabaseDatastoreParts, state: DatastoreState): ItemForClient[] {
  const image = imageOf(state)
  if (image === undefined) return []
  const { sizeBytes } = image
  const large = { sizeBytes, read: (offset: number, length: number) => parts.images.read(image, offset, length) }
  return [{ command: 'Add', id: DATABASE_LUID, type: DATABASE_FILE_TYPE, octets: new Uint8Array(0), large }]
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
