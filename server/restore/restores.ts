/**
 * Fills the restore service: ticket, segments, confirmation, expiry. The heavy work are jobs of a child process;
 * here is only who may what, which keys, and in which order things become true. Rules RS-1, RS-4, RS-7, RS-8, RS-10.
 */

import { randomBytes, randomUUID } from 'node:crypto'
import { CodedError } from '../../schemas/errors.ts'
import { toHex } from '../../schemas/hex.ts'
import type { RestoreCompletion, RestoreRequest, RestoreTicket } from '../../schemas/http/backups.ts'
import type { SegmentCompression } from '../../schemas/restore/segmentMap.ts'
import { type CopyGate, createCopyGate } from '../backup/copyGate.ts'
import { type CopyPlace, contentKeyContext, copyKeyContext, placeOfCopy } from '../backup/copyKey.ts'
import type { CopyPosition } from '../backup/copyLayout.ts'
import { type ImportInput, type ImportResult, removeCopy } from '../backup/importFile.ts'
import type { DatabaseRow, RestoreRow, Restores } from '../catalogue/catalogue.ts'
import { step } from '../steps.ts'
import { removeImage } from './buildImage.ts'
import { segmentKey } from './imageStorage.ts'
import { type ImageParts, type ImageWanted, type OrderedImage, orderImage } from './orderImage.ts'
import type { StoredImage } from './readImage.ts'
import { listPoints } from './restorePoints.ts'
import type { RestoreCaller, RestoreService } from './restoreService.ts'
import { readSignedMap, type SegmentMapSigner } from './signSegmentMap.ts'

/** The work that runs outside the event loop, by whatever pool; `owner` is the device it is for. */
export type RestoreJobs = ImageParts['jobs'] & {
  importImage(input: ImportInput & StoredImage, owner: RestoreCaller): Promise<ImportResult>
  adoptPosition(input: CopyPlace & { readonly position: CopyPosition }, owner: RestoreCaller): Promise<boolean>
}

/** Images alone, for Deliveries. */
export interface ImageService {
  /** @throws {CodedError} as `orderImage`. */
  orderImage(wanted: ImageWanted): Promise<OrderedImage>
  removeImage(imageId: string): Promise<void>
}

export interface RestoreParts extends ImageParts {
  readonly restores: Restores
  readonly signer: SegmentMapSigner
  readonly jobs: RestoreJobs
  /** Keeps others from the copy that takes on a new life; one of its own without it. */
  readonly gate?: CopyGate
  /** Whether a copy that a restore replaces is put aside. */
  readonly keepsPast: boolean
  /** How long an image is kept, milliseconds (RS-10). */
  readonly keepMs: number
}

/** The restore service, and the sweep that ends what expired (RS-10): call it from time to time. */
export function createRestores(parts: RestoreParts): RestoreService & ImageService & { sweep(): Promise<void> } {
  const gate = parts.gate ?? createCopyGate()
  return {
    createRestore: (caller, request) => createRestore(parts, caller, request),
    readSegment: (caller, restoreId, segment) => readSegment(parts, caller, restoreId, segment),
    completeRestore: (caller, restoreId) => completeRestore(parts, gate, caller, restoreId),
    listPoints: (accountId, deviceId, database) =>
      listPoints(parts.timeMachine, { accountId, deviceId, name: database }),
    orderImage: (wanted) => orderImage(parts, wanted),
    removeImage: (imageId) => removeImage(imageId, parts.imagePath(imageId), parts.storage),
    sweep: () => sweep(parts),
  }
}

async function createRestore(
  parts: RestoreParts,
  caller: RestoreCaller,
  request: RestoreRequest,
): Promise<RestoreTicket> {
  const sourceDeviceId = request.fromDeviceId ?? caller.deviceId
  const before = await parts.databases.get({ ...caller, name: request.database })
  const ordered = await orderImage(parts, {
    key: { accountId: caller.accountId, deviceId: sourceDeviceId, name: request.database },
    ...(request.point !== undefined && { point: request.point }),
    compression: chooseCompression(request),
    owner: caller,
  })
  const { image, source } = ordered
  // What the restoring device has at this moment: nothing newer may be replaced by this image later (RS-15).
  const held = sourceDeviceId === caller.deviceId && source.pointToken === undefined ? source : before
  const row: RestoreRow = {
    id: randomUUID(),
    accountId: caller.accountId,
    deviceId: caller.deviceId,
    sourceDeviceId,
    database: request.database,
    imageId: ordered.imageId,
    wrappedContentKey: ordered.wrappedContentKey,
    segmentMap: await parts.signer.sign(ordered.map),
    // Number and token stay, so that the copy can tell whether it still stands there; the life is a new one.
    lineage: toHex(randomBytes(16)),
    number: image.position?.number ?? source.number,
    token: image.position?.token ?? source.token,
    sourceCopyId: source.copyId,
    ...(held !== undefined && { heldLineage: held.lineage }),
    segments: image.segments.length,
    sizeBytes: image.sizeBytes,
    sealedBytes: image.segments.reduce((sum, segment) => sum + segment.sizeBytes, 0),
    createdAt: parts.now(),
    expiresAt: parts.now() + parts.keepMs,
  }
  step('ticket')
  await parts.restores.put(row)
  step('ticket-written')
  return {
    restoreId: row.id,
    segmentMap: row.segmentMap,
    signingKeys: [parts.signer.publicKey],
    contentKey: Buffer.from(ordered.contentKey).toString('base64url'),
    segments: row.segments,
    sizeBytes: row.sizeBytes,
    ...positionOf(row),
  }
}

/** Zstandard for whom it is no secret: as small as gzip, at a fifth of the work here and half of it there (RS-17). */
function chooseCompression({ compressions = [] }: RestoreRequest): SegmentCompression {
  return compressions.includes('zstd') ? 'zstd' : 'gzip'
}

function positionOf(row: RestoreRow): RestoreCompletion {
  return { lineage: row.lineage, number: row.number, token: row.token }
}

/** Another device's restore is answered like one that does not exist (RS-8). */
async function findRestore(parts: RestoreParts, caller: RestoreCaller, restoreId: string): Promise<RestoreRow> {
  const row = await parts.restores.get(restoreId)
  const isOwn = row?.accountId === caller.accountId && row.deviceId === caller.deviceId
  if (row === undefined || !isOwn || row.expiresAt <= parts.now())
    throw new CodedError('restore.unknown', 'there is no such restore')
  return row
}

async function readSegment(
  parts: RestoreParts,
  caller: RestoreCaller,
  restoreId: string,
  segment: number,
): Promise<{ bytes: Uint8Array }> {
  const row = await findRestore(parts, caller, restoreId)
  const bytes = segment < row.segments ? await parts.storage.get(segmentKey(row.imageId, segment)) : undefined
  if (bytes === undefined) throw new CodedError('restore.unknown', `there is no segment ${segment}`)
  return { bytes }
}

async function completeRestore(
  parts: RestoreParts,
  gate: CopyGate,
  caller: RestoreCaller,
  restoreId: string,
): Promise<RestoreCompletion> {
  const row = await findRestore(parts, caller, restoreId)
  const key = { accountId: row.accountId, deviceId: row.deviceId, name: row.database }
  if (row.completedAt === undefined) {
    await gate.write(key, async () => {
      const [held, current] = [await parts.restores.get(row.id), await parts.databases.get(key)]
      // Already of this life: the confirmation was carried out, only its mark is missing.
      if (current?.lineage !== row.lineage) await beginLife(parts, held ?? row, current)
    })
    step('confirm')
    await parts.restores.markCompleted(row.id, parts.now())
    step('confirmed')
  }
  return positionOf(row)
}

async function beginLife(parts: RestoreParts, row: RestoreRow, current: DatabaseRow | undefined): Promise<void> {
  // A whole file came since, or another restore: a confirmation that was late must not put an older state in its place.
  if (current?.lineage !== row.heldLineage)
    throw new CodedError('restore.unknown', 'the device began another life after this ticket')
  if (!(await adoptInPlace(parts, row, current))) await cloneFromImage(parts, row, current)
}

/** For the device the copy is of: the copy takes on the new life, unless it moved on since. */
async function adoptInPlace(parts: RestoreParts, row: RestoreRow, current: DatabaseRow | undefined): Promise<boolean> {
  if (current === undefined || row.deviceId !== row.sourceDeviceId || current.copyId !== row.sourceCopyId) return false
  if (current.kind === 'file') {
    if (current.number !== row.number || current.token !== row.token) return false
  } else {
    const input = { ...placeOfCopy(parts, current), position: positionOf(row) }
    const adopted = await parts.jobs.adoptPosition(input, row)
    if (!adopted) return false
  }
  // Its time stays: the state was taken then, and a device must not make it younger (ID-3).
  const adoptedRow = { ...current, ...positionOf(row), lastMode: 'restore' as const }
  if (!(await parts.databases.switchCopy(adoptedRow, current.copyId))) throw replacedMeanwhile()
  return true
}

function storedImage(parts: RestoreParts, row: RestoreRow): StoredImage {
  const { version, compression } = readSignedMap(row.segmentMap)
  const contentKey = toHex(parts.keyRing.unwrap(row.wrappedContentKey, contentKeyContext(row.imageId)))
  return { imageId: row.imageId, version, compression, segments: row.segments, contentKey }
}

/** For a replacement, or when the copy moved on: a copy of its own, made of what the device received. */
async function cloneFromImage(parts: RestoreParts, row: RestoreRow, current: DatabaseRow | undefined): Promise<void> {
  const copyId = randomUUID()
  const copyKey = parts.keyRing.newKey(copyKeyContext(copyId))
  const input = {
    copyPath: parts.copyPath(copyId),
    copyKey: toHex(copyKey.key),
    position: positionOf(row),
    ...storedImage(parts, row),
    taken: parts.keepsPast ? await parts.timeMachine.listTokens({ ...row, name: row.database }) : [],
  }
  step('clone')
  const made = await parts.jobs.importImage(input, row).catch(async (cause: unknown) => {
    await removeCopy(parts.copyPath(copyId))
    throw cause
  })
  const clone: DatabaseRow = {
    accountId: row.accountId,
    deviceId: row.deviceId,
    name: row.database,
    copyId,
    kind: made.kind,
    wrappedKey: parts.keyRing.wrap(copyKey.key, copyKeyContext(copyId)),
    ...positionOf(row),
    sizeBytes: made.sizeBytes,
    lastBackupAt: parts.now(),
    lastMode: 'restore',
    ...(made.reason !== undefined && { reason: made.reason }),
    createdAt: current?.createdAt ?? parts.now(),
  }
  if (current !== undefined && parts.keepsPast) await parts.timeMachine.putAside(current)
  // After a throw nobody knows which copy is named now: this one stays, and goes at a start if no row names it.
  if (!(await parts.databases.switchCopy(clone, current?.copyId))) {
    await removeCopy(parts.copyPath(copyId))
    throw replacedMeanwhile()
  }
  step('cloned')
  if (current !== undefined && !parts.keepsPast) await removeCopy(parts.copyPath(current.copyId))
}

function replacedMeanwhile(): CodedError {
  return new CodedError('session.busy', 'the copy was replaced meanwhile')
}

/** The row goes first, and the keys with it: what a kill leaves behind then is octets that nobody can open. */
async function sweep(parts: RestoreParts): Promise<void> {
  for (const row of await parts.restores.listExpired(parts.now())) {
    await parts.restores.remove(row.id)
    await removeImage(row.imageId, parts.imagePath(row.imageId), parts.storage)
  }
}
