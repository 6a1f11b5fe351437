/**
 * Who fetches what: the Assignments of a Delivery, and the plan they stand in (WF-33).
 */

import { z } from 'zod'
import { byteCount, deviceId, identifier } from '../http/fields.ts'
import { MAX_DELIVERY_DEVICES, MAX_DEVICE_LINKS } from '../limits.ts'
import { strategyName } from './preferences.ts'
import { type SegmentRanges, segmentRanges } from './segmentRanges.ts'

/** The segments one device fetches from the server over one of its links; their priorities say in which order. */
export const assignment = z.strictObject({ deviceId, linkId: identifier, segments: segmentRanges })
export type Assignment = Readonly<Omit<z.infer<typeof assignment>, 'segments'>> & { readonly segments: SegmentRanges }

/** What fetching takes, and how good that is. */
const planFigures = {
  /** Until the last segment has come from the server. */
  seconds: z.number().min(0),
  cost: z.number().min(0),
  /** True if no other assignment is better by what the strategy minimizes; strategies that minimize nothing say false. */
  optimal: z.boolean(),
}

/** Why an assignment that keeps to all limits is impossible. */
export const impossibility = z.strictObject({
  kind: z.literal('impossible'),
  reason: z.enum(['no-link', 'segment-too-large', 'data-limits']),
  /** False if none was found, but not every one was tried. */
  proven: z.boolean(),
  needBytes: byteCount,
  /** What the data limits leave; null if they leave any amount. */
  roomBytes: byteCount.nullable(),
})
export type Impossibility = Readonly<z.infer<typeof impossibility>>

const assigned = z.strictObject({
  kind: z.literal('assigned'),
  assignments: z.array(assignment).max(MAX_DELIVERY_DEVICES * MAX_DEVICE_LINKS),
  ...planFigures,
})
export type Assigned = Readonly<Omit<z.infer<typeof assigned>, 'assignments'>> & {
  readonly assignments: readonly Assignment[]
}

const verdict = z.discriminatedUnion('kind', [assigned, impossibility])

/** Devices that sit together and share the segments. */
const sharedPart = z.strictObject({
  devices: z.array(deviceId).min(2).max(MAX_DELIVERY_DEVICES),
  /** Segments of types that none of them takes. */
  untaken: segmentRanges,
  verdict,
})
export type SharedPart = Readonly<Omit<z.infer<typeof sharedPart>, 'devices' | 'untaken' | 'verdict'>> & {
  readonly devices: readonly string[]
  readonly untaken: SegmentRanges
  readonly verdict: Assigned | Impossibility
}

export const aloneReason = z.enum(['unknown', 'unavailable', 'sync-disabled', 'not-collocated', 'strategy'])
export type AloneReason = z.infer<typeof aloneReason>

/** A device that gets everything by itself, now or when it comes. */
const alonePart = z.strictObject({ deviceId, reason: aloneReason, untaken: segmentRanges, verdict })
export type AlonePart = Readonly<Omit<z.infer<typeof alonePart>, 'untaken' | 'verdict'>> & {
  readonly untaken: SegmentRanges
  readonly verdict: Assigned | Impossibility
}

export const plan = z.strictObject({
  dataSetId: identifier,
  strategy: strategyName,
  shared: z.array(sharedPart).max(MAX_DELIVERY_DEVICES),
  alone: z.array(alonePart).max(MAX_DELIVERY_DEVICES),
})
export type Plan = Readonly<Omit<z.infer<typeof plan>, 'shared' | 'alone'>> & {
  readonly shared: readonly SharedPart[]
  readonly alone: readonly AlonePart[]
}
