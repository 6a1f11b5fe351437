/**
 * What is kept of a Delivery while it goes on: who joined, and the groups that share it, each a state of its own. A value,
 * written down whenever something is promised. Rules DL-18 to DL-21.
 */

import type { DeviceDescription } from '../../schemas/delivery/deviceDescription.ts'
import type { DeliveryPreferences } from '../../schemas/delivery/preferences.ts'
import type { Flight, ProgressReport } from '../../schemas/delivery/progress.ts'
import type { SegmentRanges } from '../../schemas/delivery/segmentRanges.ts'
import type { Delivery } from './deliveryState.ts'

/** A device that takes part. */
export interface JoinedDevice {
  readonly description: DeviceDescription
  readonly name: string
  /** Where its peers reach it. */
  readonly addresses: readonly string[]
  /** What it said that it held when it joined. */
  readonly held: SegmentRanges
  /** What it had on its way when it reported last. */
  readonly inFlight: readonly Flight[]
  /** It left, or it is fenced: nobody is told of it any more, until it joins again. */
  readonly gone: boolean
}

/** Devices that share, or one that is by itself. */
export interface Part {
  readonly state: Delivery
  /** Of the newest revision, milliseconds. */
  readonly publishedAt: number
  readonly isFinal: boolean
}

export interface Conduct {
  readonly deliveryId: string
  readonly dataSetId: string
  readonly preferences: DeliveryPreferences
  readonly createdAt: number
  /** How long the first device waits for the others that were named. */
  readonly waitMs: number
  readonly firstJoinAt: number | null
  readonly devices: readonly JoinedDevice[]
  /** None before it begins. */
  readonly parts: readonly Part[]
  readonly ended: 'cancelled' | null
}

export type ConductEvent =
  | { readonly kind: 'joined'; readonly device: JoinedDevice }
  | { readonly kind: 'gone'; readonly deviceId: string }
  /** Its connection broke, and since that moment nothing was heard of it. */
  | { readonly kind: 'silent'; readonly deviceId: string; readonly since: number }
  | { readonly kind: 'progress'; readonly report: ProgressReport; readonly addresses?: readonly string[] }
  | { readonly kind: 'answered'; readonly deviceId: string; readonly takesOver: boolean }
  | { readonly kind: 'steered'; readonly action: 'pause' | 'resume' | 'cancel' }
  /** The server was away: whoever was there is not blamed for its silence. */
  | { readonly kind: 'restarted' }
  | { readonly kind: 'tick' }

export type ConductPhase = 'waiting' | 'running' | 'paused' | 'complete' | 'cancelled' | 'failed'

/** The part of a device, or undefined. */
export function partOf({ parts }: Conduct, deviceId: string): Part | undefined {
  // A device that came again after its part was complete has a newer one.
  return parts.findLast(({ state }) => state.members.some((member) => member.deviceId === deviceId))
}

/** How the whole stands. */
export function phaseOf({ ended, parts }: Conduct): ConductPhase {
  if (ended !== null) return ended
  const phases = new Set(parts.map(({ state }) => state.phase))
  for (const phase of ['running', 'paused', 'failed', 'complete'] as const) if (phases.has(phase)) return phase
  return 'waiting'
}

/** Nothing more happens by itself. */
export function isOver(conduct: Conduct): boolean {
  return !['waiting', 'running', 'paused'].includes(phaseOf(conduct))
}
