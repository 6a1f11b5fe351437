/**
 * Has the image of a restore point built, for a restore or a Delivery: finds the point, reads the copy, and offers another
 * state where this one is damaged (RS-1, RS-18, RS-20).
 */

import { randomUUID } from 'node:crypto'
import { CodedError } from '../../schemas/errors.ts'
import { toHex } from '../../schemas/hex.ts'
import type { SegmentCompression, SegmentMap } from '../../schemas/restore/segmentMap.ts'
import { contentKeyContext, placeOfCopy } from '../backup/copyKey.ts'
import type { DatabaseKey, DatabaseRow, Databases } from '../catalogue/catalogue.ts'
import type { KeyRing } from '../keys/keyRing.ts'
import type { Storage } from '../storage/storage.ts'
import type { TimeMachine } from '../timeMachine/timeMachine.ts'
import { type BuiltImage, type CopySource, type ImageOrder, type ImagePlace, removeImage } from './buildImage.ts'
import { type OfferParts, refuseDamaged } from './offerPoint.ts'
import { findDatabase, readWhereItLies } from './readCopy.ts'
import { findPoint } from './restorePoints.ts'
import type { RestoreCaller } from './restoreService.ts'

export interface ImageParts extends OfferParts {
  readonly databases: Databases
  readonly keyRing: KeyRing
  readonly storage: Storage
  readonly timeMachine: TimeMachine
  readonly jobs: OfferParts['jobs'] & {
    buildImage(input: CopySource & ImagePlace & ImageOrder, owner: RestoreCaller): Promise<BuiltImage>
  }
  /** A state cannot be restored: somebody has to look. */
  onDamage(key: DatabaseKey, cause: unknown): void
  copyPath(copyId: string): string
  imagePath(imageId: string): string
  now(): number
}

export interface ImageWanted extends Pick<ImageOrder, 'leastSegments'> {
  readonly key: DatabaseKey
  /** Name of a restore point; else the newest. */
  readonly point?: string
  readonly compression: SegmentCompression
  /** For whom it is built, and takes turns. */
  readonly owner: RestoreCaller
}

/** A state to restore, and the file that holds it. */
export interface SourceState
  extends Pick<DatabaseRow, 'kind' | 'copyId' | 'wrappedKey' | 'lineage' | 'number' | 'token'> {
  /** Its name, unless it is the newest one of the device's copy. */
  readonly pointToken?: string
  /** The same, if its file has moved on since. */
  readonly pastToken?: string
}

export interface OrderedImage {
  readonly imageId: string
  readonly contentKey: Uint8Array
  /** Bound to `contentKeyContext(imageId)`. */
  readonly wrappedContentKey: string
  readonly image: BuiltImage
  readonly map: SegmentMap
  readonly source: SourceState
}

/**
 * Builds and stores an image. After a throw nothing is left.
 * @throws {CodedError} `database.unknown`, `restore.unknown`, `restore.damaged`, and as `buildImage`.
 */
export async function orderImage(parts: ImageParts, wanted: ImageWanted): Promise<OrderedImage> {
  const { key, owner } = wanted
  const imageId = randomUUID()
  const contentKey = parts.keyRing.newKey(contentKeyContext(imageId))
  const imageKey = parts.keyRing.newKey(`image:${imageId}`)
  let last: SourceState | undefined
  const build = async (source: SourceState): Promise<BuiltImage> => {
    last = source
    const input = {
      kind: source.kind,
      ...placeOfCopy(parts, source),
      imagePath: parts.imagePath(imageId),
      imageKey: toHex(imageKey.key),
      imageId,
      contentKey: toHex(contentKey.key),
      compression: wanted.compression,
      ...(wanted.leastSegments !== undefined && { leastSegments: wanted.leastSegments }),
      ...(source.pastToken !== undefined && { pastToken: source.pastToken }),
    }
    return parts.jobs.buildImage(input, owner).catch(async (cause: unknown) => {
      // A process that was killed at its limits could not clear away behind itself.
      await removeImage(imageId, parts.imagePath(imageId), parts.storage)
      throw cause
    })
  }
  const find = () => findState(parts, key, wanted.point)
  const { found: source, result: image } = await readWhereItLies(find, build).catch(async (cause: unknown) => {
    if (last === undefined || !(cause instanceof CodedError) || cause.code !== 'storage.corrupt') throw cause
    parts.onDamage(key, cause)
    throw await refuseDamaged(parts, key, { copyId: last.copyId, token: last.pointToken }, cause)
  })
  const { position: _, ...cut } = image
  return {
    imageId,
    contentKey: contentKey.key,
    // Wrapped as late as it can be (KY-5).
    get wrappedContentKey() {
      return parts.keyRing.wrap(contentKey.key, contentKeyContext(imageId))
    },
    image,
    map: { imageId, database: key.name, createdAt: parts.now(), ...cut },
    source,
  }
}

/** @throws {CodedError} `database.unknown`, `restore.unknown`, also for what was dropped since it was listed. */
async function findState(parts: ImageParts, key: DatabaseKey, wanted: string | undefined): Promise<SourceState> {
  const point = await findPoint(parts.timeMachine, key, wanted)
  if (point === undefined) return findDatabase(parts.databases, key)
  const { copy, lineage, number, token, isHead } = point
  const { kind, copyId, wrappedKey } = copy
  const state = { kind, copyId, wrappedKey, lineage, number, token, pointToken: token }
  return isHead ? state : { ...state, pastToken: token }
}
