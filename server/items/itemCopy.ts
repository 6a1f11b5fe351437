/**
 * The account's copy of Items as the catalogue lists it (IT-1): found or made, and its position kept in step. The work
 * on it are jobs of the worker pool.
 */

import { randomBytes, randomUUID } from 'node:crypto'
import { CodedError } from '../../schemas/errors.ts'
import { type CopyGate, createCopyGate } from '../backup/copyGate.ts'
import { copyKeyContext, placeOfCopy } from '../backup/copyKey.ts'
import { removeCopy } from '../backup/importFile.ts'
import { ACCOUNT_DEVICE, type DatabaseKey, type DatabaseRow, type Databases } from '../catalogue/catalogue.ts'
import type { Peer } from '../datastore/datastore.ts'
import type { ItemConflictPolicy } from '../datastore/syncDatastore.ts'
import type { KeyRing } from '../keys/keyRing.ts'
import type { ClientName } from './clientRow.ts'
import type { ItemCallName, ItemCalls, ItemJobInput, ItemJobOutput } from './jobInput.ts'

/** The database under which an account's Items are listed. */
export const ITEMS_DATABASE = 'items'

export interface ItemCopyParts {
  readonly databases: Databases
  readonly keyRing: KeyRing
  copyPath(copyId: string): string
  now(): number
  /** Whether older states are kept (TM-11). */
  readonly keepsPast: boolean
  /** Keeps others from the file that is written; one of its own without it. */
  readonly gate?: CopyGate
  /** Runs a job, by whatever pool; `owner` is the device it is for (BK-19). */
  runJob(input: ItemJobInput, owner: Pick<Peer, 'accountId' | 'deviceId'>): Promise<ItemJobOutput>
}

/** One call of the port. */
export interface ItemCall<Name extends ItemCallName> {
  readonly call: Name
  readonly peer: Pick<Peer, 'accountId' | 'deviceId'>
  readonly client: ClientName
  readonly policy: ItemConflictPolicy
  readonly input: ItemCalls[Name]['input']
}

export interface ItemCopy {
  /**
   * Carries out one call on the account's copy, which is made if there is none yet.
   * @throws {CodedError} as `runItemJob`.
   */
  run<Name extends ItemCallName>(call: ItemCall<Name>): Promise<ItemCalls[Name]['output']>
  /** Writes the copy's position into the catalogue, if it moved. */
  settle(accountId: string): Promise<void>
  /** The same, and the copy is looked for anew; for whoever is alone with it. */
  release(accountId: string): Promise<void>
}

interface OpenCopy {
  readonly row: DatabaseRow
  readonly copyKey: string
  /** Where it stands, if that is not in the catalogue yet. */
  moved: Pick<DatabaseRow, 'number' | 'token' | 'sizeBytes'> | undefined
}

/** Copies whose keys are kept at hand; the one that was not used for longest goes first. */
const MAX_OPEN = 1000

export function createItemCopy(parts: ItemCopyParts): ItemCopy {
  const open = new Map<string, OpenCopy>()
  const opening = new Map<string, Promise<OpenCopy>>()
  const gate = parts.gate ?? createCopyGate()

  const find = async (accountId: string, fresh: boolean): Promise<OpenCopy> => {
    const held = open.get(accountId)
    if (held !== undefined && !fresh) return held
    const pending = opening.get(accountId) ?? openCopy(parts, accountId, held)
    opening.set(accountId, pending)
    try {
      const found = await pending
      open.delete(accountId)
      open.set(accountId, found)
      for (const [oldest, { moved }] of open) {
        if (open.size <= MAX_OPEN) break
        if (moved === undefined) open.delete(oldest)
      }
      return found
    } finally {
      opening.delete(accountId)
    }
  }

  const settle = async (accountId: string): Promise<void> => {
    const copy = open.get(accountId)
    const moved = copy?.moved
    if (copy === undefined || moved === undefined) return
    copy.moved = undefined
    const row: DatabaseRow = { ...copy.row, ...moved, lastBackupAt: parts.now(), lastMode: 'delta' }
    // False: it is another copy's row by now, which knows its own position.
    await parts.databases.switchCopy(row, row.copyId)
  }
  const run: ItemCopy['run'] = async ({ call, peer, client, policy, input }) => {
    // A session begins by looking: the copy may be another one since (a restore).
    const copy = await find(peer.accountId, call === 'decide')
    const context = {
      call,
      copyPath: parts.copyPath(copy.row.copyId),
      copyKey: copy.copyKey,
      client,
      policy,
      now: parts.now(),
      keepsPast: parts.keepsPast,
    }
    const { output, position, sizeBytes } = await parts.runJob({ ...context, ...input } as ItemJobInput, peer)
    if (position !== undefined) copy.moved = { ...position, sizeBytes: sizeBytes ?? copy.row.sizeBytes }
    return output as ItemCalls[typeof call]['output']
  }
  return {
    run: (call) => gate.write(keyOf(call.peer.accountId), () => run(call)),
    settle: (accountId) => gate.write(keyOf(accountId), () => settle(accountId)),
    release: async (accountId) => {
      await settle(accountId)
      open.delete(accountId)
    },
  }
}

function keyOf(accountId: string): DatabaseKey {
  return { accountId, deviceId: ACCOUNT_DEVICE, name: ITEMS_DATABASE }
}

async function openCopy(parts: ItemCopyParts, accountId: string, held: OpenCopy | undefined): Promise<OpenCopy> {
  const key = keyOf(accountId)
  const row = (await parts.databases.get(key)) ?? (await makeCopy(parts, key))
  if (row.kind !== 'sql') throw new CodedError('storage.corrupt', 'the copy of Items is kept as a file')
  if (held?.row.copyId === row.copyId) return Object.assign(held, { row })
  return { row, copyKey: placeOfCopy(parts, row).copyKey, moved: undefined }
}

async function makeCopy(parts: ItemCopyParts, key: DatabaseKey): Promise<DatabaseRow> {
  const copyId = randomUUID()
  const copyPath = parts.copyPath(copyId)
  const copyKey = parts.keyRing.newKey(copyKeyContext(copyId))
  const lineage = randomBytes(16).toString('hex')
  const token = randomBytes(16).toString('hex')
  const input: ItemJobInput = {
    call: 'create',
    copyPath,
    copyKey: Buffer.from(copyKey.key).toString('hex'),
    client: { deviceId: ACCOUNT_DEVICE, uri: '', sourceUri: '' },
    policy: 'client-wins',
    now: parts.now(),
    keepsPast: parts.keepsPast,
    lineage,
    token,
  }
  const { output } = await parts.runJob(input, key)
  const now = parts.now()
  const row: DatabaseRow = {
    ...key,
    copyId,
    kind: 'sql',
    wrappedKey: parts.keyRing.wrap(copyKey.key, copyKeyContext(copyId)),
    lineage,
    number: 0,
    token,
    sizeBytes: (output as ItemCalls['create']['output']).sizeBytes,
    lastBackupAt: now,
    lastMode: 'full',
    createdAt: now,
  }
  if (await parts.databases.switchCopy(row, undefined)) return row
  // Another session of the account was first.
  await removeCopy(copyPath)
  const first = await parts.databases.get(key)
  if (first === undefined) throw new CodedError('session.busy', 'the copy of Items was removed meanwhile')
  return first
}
