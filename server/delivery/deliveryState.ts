/** What a Delivery is at each moment, what can happen to it, and what is then to be done. Rules DL-14 to DL-17. */

import type { Assignment } from '../../schemas/delivery/assignment.ts'
import type { DeliveryPreferences } from '../../schemas/delivery/preferences.ts'
import type { ProgressReport } from '../../schemas/delivery/progress.ts'
import type { SegmentRanges } from '../../schemas/delivery/segmentRanges.ts'
import type { SpeedEstimate } from './speedEstimate.ts'

/** A device of a Delivery. */
export interface Member {
  readonly deviceId: string
  readonly presence: 'present' | 'lost'
  /** When it last spoke, milliseconds. */
  readonly seenAt: number
  /** What it shall hold in the end, and what it holds. */
  readonly takes: SegmentRanges
  readonly held: SegmentRanges
  /** Octets it drew from the server and from peers. */
  readonly serverBytes: number
  readonly peerBytes: number
  readonly speeds: Readonly<Record<string, SpeedEstimate>>
  /** It was asked to take over and did not agree; it goes on with what it has. */
  readonly declined: boolean
}

/** What a device brings along when it joins. `speeds` are what the plan counts on, octets per second by link. */
export interface Joining {
  readonly deviceId: string
  readonly takes: SegmentRanges
  readonly held: SegmentRanges
  readonly speeds: Readonly<Record<string, number>>
}

interface AnyDelivery {
  readonly deliveryId: string
  readonly dataSetId: string
  readonly onLoss: DeliveryPreferences['onLoss']
  readonly createdAt: number
  readonly changedAt: number
  readonly members: readonly Member[]
  readonly assignments: readonly Assignment[]
  /** Counts the assignments; the map that devices have must be of the last one. */
  readonly revision: number
}

/** The question to those who are left: who fetches what the lost devices were to fetch. */
export interface FullDownloadQuery {
  readonly lost: readonly string[]
  readonly waitingFor: readonly string[]
  readonly agreed: readonly string[]
  readonly askedAt: number
}

export interface Created extends AnyDelivery {
  readonly phase: 'created'
}
export interface Planned extends AnyDelivery {
  readonly phase: 'planned'
}
export interface Running extends AnyDelivery {
  readonly phase: 'running'
  readonly query: FullDownloadQuery | null
}
export interface Paused extends AnyDelivery {
  readonly phase: 'paused'
  readonly reason: 'user' | 'nobody-present' | 'nobody-takes-over' | 'limits'
}
export interface Complete extends AnyDelivery {
  readonly phase: 'complete'
}
export interface Cancelled extends AnyDelivery {
  readonly phase: 'cancelled'
}
export interface Failed extends AnyDelivery {
  readonly phase: 'failed'
  readonly reason: string
}

export type Delivery = Created | Planned | Running | Paused | Complete | Cancelled | Failed

export type DeliveryEvent =
  /** Everybody who shares it, and who fetches what. */
  | { readonly kind: 'planned'; readonly members: readonly Joining[]; readonly assignments: readonly Assignment[] }
  | { readonly kind: 'started' }
  /** A device comes late, or again. */
  | { readonly kind: 'joined'; readonly member: Joining }
  | { readonly kind: 'progress'; readonly report: ProgressReport }
  | { readonly kind: 'lost'; readonly deviceId: string }
  /** The answer to the full-download query. */
  | { readonly kind: 'answered'; readonly deviceId: string; readonly takesOver: boolean }
  /** What `reassign` led to. */
  | { readonly kind: 'assigned'; readonly assignments: readonly Assignment[] }
  | { readonly kind: 'unassignable' }
  | { readonly kind: 'paused' }
  | { readonly kind: 'resumed' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'failed'; readonly reason: string }
  /** Time went on: who was silent too long is lost, and who did not answer declined. */
  | { readonly kind: 'tick' }

export type DeliveryEffect =
  /** Compute a new assignment among those present; `assigned` or `unassignable` is to follow. */
  | { readonly kind: 'reassign'; readonly reason: 'speed' | 'lost' | 'joined' | 'resumed' }
  | { readonly kind: 'ask'; readonly lost: readonly string[]; readonly deviceIds: readonly string[] }
  /** Sign the map of this revision and tell all that are present. */
  | { readonly kind: 'publish'; readonly revision: number; readonly isFinal: boolean }
  /** Devices shall stop fetching. Segments and map stay for them. */
  | { readonly kind: 'hold'; readonly reason: Paused['reason'] }
  /** Nothing more follows; devices are told how it ended. */
  | { readonly kind: 'end'; readonly phase: 'complete' | 'cancelled' | 'failed' }

/** The next state, and what is to be done. */
export interface DeliveryStep {
  readonly state: Delivery
  readonly effects: readonly DeliveryEffect[]
}
