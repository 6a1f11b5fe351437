/**
 * Where the segments of a Delivery lie on a device: sealed, for its peers, and opened in the file as it grows. What an
 * interrupted run kept is gone on with (DV-1).
 */

import { CodedError } from '../../schemas/errors.ts'
import { rangeOf, type SegmentEntry, type ZstdSegmentMap } from '../../schemas/restore/segmentMap.ts'
import type { OpenZstdFrame } from '../ports.ts'
import { isListed } from '../restore/fetchSegments.ts'
import type { GrowingFile, RestoreTarget } from '../restore/restoreTarget.ts'
import { openSegmentSeal } from '../restore/segmentSeal.ts'
import { step } from '../steps.ts'

export interface SealedShelf {
  /** What was there when it was opened, verified. */
  readonly held: ReadonlySet<number>
  /** Takes a verified segment. @throws {CodedError} `integrity.mismatch` if it does not open, `storage.*`. */
  keep(entry: SegmentEntry, sealed: Uint8Array): Promise<void>
  /** A sealed segment as it was kept. */
  read(segment: number): Promise<Uint8Array | undefined>
  /** Puts the file in place. @throws {CodedError} as `GrowingFile.settle`. */
  settle(): Promise<void>
  close(): Promise<void>
}

/** `isPlaced`: the file took its name before, and only peers are served. */
export async function openShelf(
  map: ZstdSegmentMap,
  target: RestoreTarget,
  { contentKey, openFrame, isPlaced }: ShelfOptions,
): Promise<SealedShelf> {
  const openSegment = await openSegmentSeal(map, contentKey)
  if (target.openGrowing === undefined) throw new CodedError('config.invalid', 'this platform takes no Deliveries')
  const file: GrowingFile | undefined = isPlaced ? undefined : await target.openGrowing()
  const place = async ({ number }: SegmentEntry, sealed: Uint8Array): Promise<void> => {
    if (file === undefined) return
    const { offset, length } = rangeOf(map, number)
    const plain = await openFrame(await openSegment(sealed, number), length)
    if (plain.length !== length)
      throw new CodedError('integrity.mismatch', `segment ${number} has ${plain.length} octets, not ${length}`)
    await file.keepRange(number, offset, plain)
  }
  const held = new Set<number>()
  for (const entry of map.segments) {
    const sealed = await target.readSegment(entry.number)
    if (sealed === undefined || !(await isListed(sealed, entry))) continue
    if (file !== undefined && !file.kept.has(entry.number)) await place(entry, sealed)
    held.add(entry.number)
  }
  return {
    held,
    keep: async (entry, sealed) => {
      await place(entry, sealed)
      step('segment')
      await target.keepSegment(entry.number, sealed)
      step('segment-kept')
    },
    read: (segment) => target.readSegment(segment),
    settle: async () => {
      step('join')
      await file?.settle(map.sha256)
    },
    close: async () => file?.close(),
  }
}

export interface ShelfOptions {
  readonly contentKey: Uint8Array
  readonly openFrame: OpenZstdFrame
  readonly isPlaced: boolean
}
