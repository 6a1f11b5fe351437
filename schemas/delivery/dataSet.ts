/**
 * What a Delivery brings to its devices: a data set, cut into segments, and its characteristics (WF-30).
 */

import { z } from 'zod'
import { byteCount, identifier } from '../http/fields.ts'
import { MAX_DELIVERY_SEGMENTS } from '../limits.ts'

/** What kind of data a segment belongs to, such as `database`, `file` or `mail`: devices take some and not others. */
export const dataType = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/)
export type DataType = z.infer<typeof dataType>

export const deliverySegment = z.strictObject({
  /** Counted from 0, as in the SegmentMap. */
  number: z.int().min(0).max(MAX_DELIVERY_SEGMENTS),
  /** Octets that travel. */
  sizeBytes: z.int().min(1),
  /** 0 is fetched first. */
  priority: z.int().min(0).max(9),
  type: dataType,
})
export type DeliverySegment = Readonly<z.infer<typeof deliverySegment>>

export const dataSet = z
  .strictObject({
    dataSetId: identifier,
    /** Databases, files, messages: what the user would count. */
    objects: z.int().min(1),
    segments: z.array(deliverySegment).min(1).max(MAX_DELIVERY_SEGMENTS),
  })
  .refine(({ segments }) => segments.every(({ number }, index) => number === index), 'segments follow each other')
export type DataSet = Readonly<Omit<z.infer<typeof dataSet>, 'segments'>> & {
  readonly segments: readonly DeliverySegment[]
}

export const dataSetCharacteristics = z.strictObject({
  sizeBytes: byteCount,
  objects: z.int().min(1),
  segments: z.int().min(1),
  smallestBytes: byteCount,
  largestBytes: byteCount,
  /** Octets of each type and of each priority. */
  types: z.record(dataType, byteCount),
  priorities: z.record(z.string().regex(/^[0-9]$/), byteCount),
})
export type DataSetCharacteristics = Readonly<z.infer<typeof dataSetCharacteristics>>

/** Counts what the SegmentMap tells of a data set. */
export function characteristicsOf({ objects, segments }: DataSet): DataSetCharacteristics {
  const types: Record<string, number> = {}
  const priorities: Record<string, number> = {}
  let [sizeBytes, smallestBytes, largestBytes] = [0, Number.POSITIVE_INFINITY, 0]
  for (const segment of segments) {
    sizeBytes += segment.sizeBytes
    smallestBytes = Math.min(smallestBytes, segment.sizeBytes)
    largestBytes = Math.max(largestBytes, segment.sizeBytes)
    types[segment.type] = (types[segment.type] ?? 0) + segment.sizeBytes
    priorities[segment.priority] = (priorities[segment.priority] ?? 0) + segment.sizeBytes
  }
  return { sizeBytes, objects, segments: segments.length, smallestBytes, largestBytes, types, priorities }
}

/** The order in which a device fetches: urgent ones first, then as they lie in the data set. */
export function inFetchOrder(one: DeliverySegment, other: DeliverySegment): number {
  return one.priority - other.priority || one.number - other.number
}
