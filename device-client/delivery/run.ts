/**
 * What the parts of a running Delivery share on a device: what it holds, what is on its way, and the newest map. Each part
 * waits for the next change of it. Rules DV-1 to DV-5.
 */

import type { DeliveryMap } from '../../schemas/delivery/deliveryMap.ts'
import type { DeliveryNews } from '../../schemas/http/deliveries.ts'
import type { SegmentEntry, ZstdSegmentMap } from '../../schemas/restore/segmentMap.ts'
import type { Clock } from '../ports.ts'

/** A peer as the server names it. */
export type NamedPeer = DeliveryNews['peers'][number]

export interface Run {
  readonly deliveryId: string
  readonly deviceId: string
  readonly map: ZstdSegmentMap
  readonly clock: Clock
  /** Verified and kept. */
  readonly held: Set<number>
  /** On their way, from wherever. */
  readonly taking: Set<number>
  /** The newest map, and as it was signed. */
  plan: { readonly map: DeliveryMap; readonly signed: string } | undefined
  phase: DeliveryNews['phase']
  peers: readonly NamedPeer[]
  /** Octets of segments from the server and from peers, all in all. */
  serverBytes: number
  peerBytes: number
  /** When a segment was kept last that came as it was planned. */
  progressAt: number
  /** Peers that answered lately. */
  reachable: number
  over: boolean
  /** Takes a verified segment; what was fetched instead of others is no sign that they bring theirs. */
  keep(entry: SegmentEntry, sealed: Uint8Array, from: 'server' | 'peer' | 'instead'): Promise<void>
  /** Resolves at the next `wake`, or after `ms`. */
  changed(ms: number): Promise<void>
  wake(): void
}

export interface RunParts {
  readonly deliveryId: string
  readonly deviceId: string
  readonly map: ZstdSegmentMap
  readonly clock: Clock
  readonly held: ReadonlySet<number>
  readonly counted: { readonly serverBytes: number; readonly peerBytes: number }
  keep(entry: SegmentEntry, sealed: Uint8Array): Promise<void>
}

export function createRun({ deliveryId, deviceId, map, clock, held, counted, keep }: RunParts): Run {
  let waiting: (() => void)[] = []
  const run: Run = {
    ...{ deliveryId, deviceId, map, clock, ...counted },
    held: new Set(held),
    taking: new Set(),
    plan: undefined,
    phase: 'waiting',
    peers: [],
    progressAt: clock.now(),
    reachable: 0,
    over: false,
    keep: async (entry, sealed, from) => {
      if (from === 'peer') run.peerBytes += sealed.length
      else run.serverBytes += sealed.length
      if (run.held.has(entry.number)) return
      await keep(entry, sealed)
      run.held.add(entry.number)
      if (from !== 'instead') run.progressAt = clock.now()
      run.wake()
    },
    changed: (ms) => Promise.race([new Promise<void>((resolve) => void waiting.push(resolve)), clock.sleep(ms)]),
    wake: () => {
      const all = waiting
      waiting = []
      for (const resolve of all) resolve()
    },
  }
  return run
}

/** It holds everything. */
export function isWhole({ held, map }: Run): boolean {
  return held.size === map.segments.length
}

/** Neither held nor on its way. */
export function isOpen(run: Run, segment: number): boolean {
  return !run.held.has(segment) && !run.taking.has(segment)
}
