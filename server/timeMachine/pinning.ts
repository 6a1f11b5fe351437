/**
 * Pins restore points: the operator and owners by name, the server by itself before a table loses most of its rows.
 * Rules TM-15 to TM-19.
 */

import { CodedError } from '../../schemas/errors.ts'
import { GUARD_PIN_MS, MAX_GUARD_PINS, MAX_OPERATOR_PINS, MAX_OWNER_PINS } from '../../schemas/limits.ts'
import type { GuardMark } from '../backup/guardMark.ts'
import type { DatabaseKey } from '../catalogue/catalogue.ts'
import type { PinnedBy, PinRow, Pins } from '../catalogue/pins.ts'
import { findPlacedPoint } from './findPlacedPoint.ts'
import type { PlacedPoint, TimeMachine } from './timeMachine.ts'

export interface PinOrder {
  /** `latest`, the name of a point, or its number. */
  readonly point: string
  readonly by: Exclude<PinnedBy, 'guard'>
  readonly reason: string
}

export interface Pinning {
  /**
   * Pins a point; one that is pinned already stays as it is.
   * @throws {CodedError} `database.unknown`, `restore.unknown`, `pin.limited`.
   */
  pin(key: DatabaseKey, order: PinOrder): Promise<PlacedPoint>
  /** Takes a pin back, whoever made it; no error if there is none. @throws {CodedError} as `pin`. */
  unpin(key: DatabaseKey, point: string): Promise<PlacedPoint>
}

export interface PinningParts {
  readonly timeMachine: Pick<TimeMachine, 'listPoints'>
  readonly pins: Pins
  now(): number
}

const MOST: Readonly<Record<PinOrder['by'], number>> = { owner: MAX_OWNER_PINS, operator: MAX_OPERATOR_PINS }

export function createPinning(parts: PinningParts): Pinning {
  const find = async (key: DatabaseKey, point: string): Promise<PlacedPoint> =>
    findPlacedPoint(await parts.timeMachine.listPoints(key), point)
  return {
    pin: async (key, { point, by, reason }) => {
      const found = await find(key, point)
      if (found.pin !== undefined) return found
      const own = (await parts.pins.list(key)).filter(({ pinnedBy }) => pinnedBy === by)
      if (own.length >= MOST[by])
        throw new CodedError('pin.limited', `${own.length} restore points of ${key.name} are pinned already`, {
          next: 'The operator can take pins back with "nightferry unpin".',
        })
      const row: PinRow = { ...keyOf(key), token: found.token, reason, pinnedBy: by, pinnedAt: parts.now() }
      await parts.pins.put(row)
      return { ...found, isPinned: true, pin: row }
    },
    unpin: async (key, point) => {
      const { pin, ...found } = await find(key, point)
      // The copy still says why it was pinned: without a trace it would be again.
      if (pin?.pinnedBy === 'guard') await parts.pins.put({ ...pin, releasedAt: parts.now() })
      else await parts.pins.remove(key, found.token)
      return { ...found, isPinned: false }
    },
  }
}

/** What becomes of the point before a Delta that emptied a table. */
export type GuardOutcome = 'known' | 'pinned' | 'full'

/**
 * Pins the state that a Delta left which took most rows of a table. It may be told of the same one again and again.
 * @returns `known` if it was told before, `full` if so many are pinned that this one is not.
 */
export async function pinByGuard(
  { pins, now }: Pick<PinningParts, 'pins' | 'now'>,
  key: DatabaseKey,
  { token, tables }: GuardMark,
): Promise<GuardOutcome> {
  const rows = await pins.list(key)
  if (rows.some((row) => row.token === token)) return 'known'
  const place = chooseGuardPlace(rows, now())
  const row: PinRow = { ...keyOf(key), token, reason: describeLoss(tables), pinnedBy: 'guard', pinnedAt: now() }
  await pins.put(place.isFull ? { ...row, releasedAt: now() } : row)
  for (const { token: gone } of place.giveWay) await pins.remove(key, gone)
  return place.isFull ? 'full' : 'pinned'
}

/**
 * Whether another point can be pinned, and which rows give way to it: traces of released ones, which no copy speaks of
 * any more, and the oldest pin if there are as many as may be, unless it is younger than {@link GUARD_PIN_MS} (TM-19).
 */
export function chooseGuardPlace(
  rows: readonly PinRow[],
  now: number,
): { readonly isFull: boolean; readonly giveWay: readonly PinRow[] } {
  const guards = rows.filter(({ pinnedBy }) => pinnedBy === 'guard')
  const released = guards.filter(({ releasedAt }) => releasedAt !== undefined)
  const held = guards.filter(({ releasedAt }) => releasedAt === undefined).toSorted((a, b) => a.pinnedAt - b.pinnedAt)
  const [oldest] = held
  if (oldest === undefined || held.length < MAX_GUARD_PINS) return { isFull: false, giveWay: released }
  if (now - oldest.pinnedAt < GUARD_PIN_MS) return { isFull: true, giveWay: released }
  return { isFull: false, giveWay: [...released, oldest] }
}

function describeLoss(tables: GuardMark['tables']): string {
  const [first, ...others] = tables
  const more = others.length > 0 ? ` and ${others.length} more` : ''
  return `${first?.removed ?? 0} rows of ${(first?.table ?? '').slice(0, 60)}${more} were removed after it`
}

function keyOf({ accountId, deviceId, name }: DatabaseKey): DatabaseKey {
  return { accountId, deviceId, name }
}

/** What a list of databases says of this: the newest pin of the server's own that stands. */
export function describeGuard(pin: PinRow | undefined): { readonly guardedAt?: number } {
  return pin === undefined ? {} : { guardedAt: pin.pinnedAt }
}

/** Those of the server's own pins that stand, the newest of each database, by device and name. */
export function newestGuards(rows: readonly PinRow[]): ReadonlyMap<string, PinRow> {
  const standing = rows.filter(({ pinnedBy, releasedAt }) => pinnedBy === 'guard' && releasedAt === undefined)
  return new Map(standing.toReversed().map((row) => [`${row.deviceId}/${row.name}`, row]))
}
