/**
 * The Deliveries that are under way: each state in memory, moved by one event after the other, written down before
 * anything is promised by it, and read again after a restart. Rules DL-18, DL-19.
 */

import type { DataSet } from '../../schemas/delivery/dataSet.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { DeliverySteering } from '../../schemas/http/deliveries.ts'
import type { SegmentMap } from '../../schemas/restore/segmentMap.ts'
import type { Deliveries, DeliveryRow } from '../catalogue/deliveries.ts'
import { conduct } from './conduct.ts'
import { type Conduct, type ConductEvent, isOver } from './conductState.ts'

/** What only helps to show how far things are is written this often, milliseconds: devices tell it again. */
const SAVE_MS = 5000

export interface LiveDelivery {
  readonly row: Omit<DeliveryRow, 'state' | 'isOver' | 'steered'>
  readonly map: SegmentMap
  readonly dataSet: DataSet
  readonly conduct: Conduct
}

export interface LiveParts {
  readonly rows: Deliveries
  /** The SegmentMap that a JWS of this server carries. */
  readMap(jws: string): SegmentMap
  now(): number
}

export interface LiveDeliveries {
  /** @throws {CodedError} `delivery.unknown`, also for one of another account. */
  open(accountId: string, deliveryId: string): Promise<LiveDelivery>
  /** Moves it on. What others may rely on is durable when this resolves. */
  apply(live: LiveDelivery, event: ConductEvent): Promise<LiveDelivery>
  /** Pauses it, lets it go on or ends it; by the process that serves, if that is another one. */
  steer(live: LiveDelivery, action: DeliverySteering): Promise<LiveDelivery>
  /** Resolves at the next change of the Delivery, after `waitMs`, or when `onGone` says that nobody waits any more. */
  change(deliveryId: string, waitMs: number, onGone: (listener: () => void) => void): Promise<void>
  /** Lets time pass for all that are under way. */
  tick(): Promise<void>
  /** Goes on with those that a restart interrupted: this process serves, and it alone writes states. */
  resume(): Promise<void>
  forget(deliveryId: string): void
  /** Ends all waiting. */
  release(): void
}

interface Held {
  live: LiveDelivery
  saved: string
  savedAt: number
  saving: Promise<void>
  readonly waiters: Set<() => void>
}

export function openLiveDeliveries({ rows, readMap, now }: LiveParts): LiveDeliveries {
  let serves = false
  const all = new Map<string, Held>()
  const opening = new Map<string, Promise<Held | undefined>>()
  const load = async (id: string): Promise<Held | undefined> => {
    const row = await rows.get(id)
    if (row === undefined) return undefined
    const { state, isOver: _, steered, ...rest } = row
    const map = readMap(row.segmentMap)
    const live = { row: rest, map, dataSet: dataSetOf(row, map), conduct: JSON.parse(state) as Conduct }
    const held: Held = { live, saved: state, savedAt: now(), saving: Promise.resolve(), waiters: new Set() }
    held.live = { ...live, conduct: conduct(live.conduct, live.dataSet, { kind: 'restarted' }, now()) }
    all.set(id, held)
    if (steered !== null) await obey(held, steered)
    return held
  }
  const find = async (id: string): Promise<Held | undefined> => {
    const known = all.get(id)
    if (known !== undefined) return known
    // Two that ask at once get the same one.
    const loading = opening.get(id) ?? load(id).finally(() => opening.delete(id))
    opening.set(id, loading)
    return loading
  }
  const obey = async (held: Held, action: DeliverySteering): Promise<void> => {
    await move(held, { kind: 'steered', action })
    if (serves) await rows.setSteered(held.live.row.id, null)
  }
  const save = (held: Held): Promise<void> => {
    if (!serves) return Promise.resolve()
    held.saving = held.saving
      .catch(() => undefined)
      .then(async () => {
        const state = JSON.stringify(held.live.conduct)
        if (state === held.saved) return
        await rows.setState(held.live.row.id, { state, isOver: isOver(held.live.conduct) })
        held.saved = state
        held.savedAt = now()
      })
    return held.saving
  }
  const move = async (held: Held, event: ConductEvent): Promise<void> => {
    const before = held.live.conduct
    const after = conduct(before, held.live.dataSet, event, now())
    if (after === before) return
    held.live = { ...held.live, conduct: after }
    const promised = marksOf(before) !== marksOf(after)
    if (promised || now() - held.savedAt >= SAVE_MS) await save(held)
    if (!promised) return
    for (const wake of [...held.waiters]) wake()
  }
  return {
    open: async (accountId, deliveryId) => {
      const held = await find(deliveryId)
      if (held?.live.row.accountId === accountId && held.live.row.expiresAt > now()) return held.live
      throw new CodedError('delivery.unknown', 'there is no such Delivery')
    },
    apply: async ({ row }, event) => {
      const held = await find(row.id)
      if (held === undefined) throw new CodedError('delivery.unknown', 'there is no such Delivery')
      await move(held, event)
      return held.live
    },
    steer: async ({ row }, action) => {
      const held = await find(row.id)
      if (held === undefined) throw new CodedError('delivery.unknown', 'there is no such Delivery')
      if (!serves) await rows.setSteered(row.id, action)
      await move(held, { kind: 'steered', action })
      return held.live
    },
    change: async (deliveryId, waitMs, onGone) => {
      const held = all.get(deliveryId)
      if (held === undefined || waitMs <= 0) return
      await new Promise<void>((resolve) => {
        const end = (): void => {
          clearTimeout(timer)
          held.waiters.delete(end)
          resolve()
        }
        const timer = setTimeout(end, waitMs)
        held.waiters.add(end)
        onGone(end)
      })
    },
    tick: async () => {
      if (![...all.values()].some((held) => !isOver(held.live.conduct))) return
      for (const { id, steered } of await rows.listSteered()) {
        const held = await find(id)
        if (held !== undefined && steered !== null) await obey(held, steered)
      }
      for (const held of all.values()) if (!isOver(held.live.conduct)) await move(held, { kind: 'tick' })
    },
    resume: async () => {
      serves = true
      for (const id of await rows.listOpen()) await find(id)
    },
    forget: (deliveryId) => {
      for (const wake of [...(all.get(deliveryId)?.waiters ?? [])]) wake()
      all.delete(deliveryId)
    },
    release: () => {
      for (const { waiters } of all.values()) for (const wake of [...waiters]) wake()
    },
  }
}

/** What devices go by: if this is the same, nothing was promised. */
function marksOf({ ended, firstJoinAt, parts, devices, preferences }: Conduct): string {
  return JSON.stringify([
    ended,
    firstJoinAt,
    preferences,
    parts.map(({ state, isFinal }) => [
      state.phase,
      state.phase === 'paused' && state.reason,
      state.revision,
      isFinal,
      state.phase === 'running' && state.query,
      state.members.map(({ deviceId, presence, takes, held }) => [deviceId, presence, String(takes) === String(held)]),
    ]),
    devices.map(({ description, addresses, gone }) => [description.deviceId, addresses, gone]),
  ])
}

/** The segments of an image, as the planner counts them. */
function dataSetOf({ kind, imageId }: Pick<DeliveryRow, 'kind' | 'imageId'>, { segments }: SegmentMap): DataSet {
  const type = kind === 'file' ? 'file' : 'database'
  return {
    dataSetId: imageId,
    objects: 1,
    segments: segments.map(({ number, sizeBytes }) => ({ number, sizeBytes, priority: 5, type })),
  }
}
