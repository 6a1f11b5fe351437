/**
 * The slots that were handed out, and what comes without one. Rules QT-10 to QT-12.
 */

import type { RunWindow } from '../../schemas/http/advice.ts'
import { chooseSlot, MINUTE_MS, spreadOf } from './chooseSlot.ts'

const DAY_MINUTES = 1440

/** Databases whose slots are remembered; the one that was planned first is forgotten first. */
const MAX_HELD = 200_000

export interface Slots {
  /** A session of somebody begins. */
  began(): void
  /** When `name` shall come next; it gives back the slot it has. */
  plan(name: string, window: RunWindow): number
  /** Sessions that are expected in a minute since 1970. */
  loadAt(minute: number): number
}

export function createSlots(now: () => number, maxHeld = MAX_HELD): Slots {
  const planned = new Map<number, number>()
  const held = new Map<string, number>()
  /** Sessions beyond those that were planned, by minute of the day: usually, and today so far. */
  let usual = new Float64Array(DAY_MINUTES)
  let today = new Float64Array(DAY_MINUTES)
  let day = Math.floor(now() / MINUTE_MS / DAY_MINUTES)
  let swept = 0

  const count = (minute: number, by: number): void => {
    const next = (planned.get(minute) ?? 0) + by
    if (next > 0) planned.set(minute, next)
    else planned.delete(minute)
  }
  const roll = (): number => {
    const minute = Math.floor(now() / MINUTE_MS)
    for (let days = Math.min(8, Math.floor(minute / DAY_MINUTES) - day); days > 0; days--) {
      // What was planned for a minute came as planned: the rest is what nobody can shift.
      usual = usual.map((before, at) => (before + (today[at] ?? 0)) / 2)
      today = new Float64Array(DAY_MINUTES)
    }
    day = Math.floor(minute / DAY_MINUTES)
    return minute
  }
  const sweep = (minute: number): void => {
    if (minute < swept + DAY_MINUTES / 24) return
    swept = minute
    for (const past of planned.keys()) if (past < minute - DAY_MINUTES) planned.delete(past)
    for (const [name, slot] of held) if (slot < minute - DAY_MINUTES) held.delete(name)
  }
  const loadAt = (minute: number): number => (planned.get(minute) ?? 0) + (usual[minute % DAY_MINUTES] ?? 0)
  return {
    loadAt,
    began: () => {
      const minute = roll()
      const at = minute % DAY_MINUTES
      const came = (today[at] ?? 0) + 1
      today[at] = came
    },
    plan: (name, window) => {
      const minute = roll()
      sweep(minute)
      const before = held.get(name)
      if (before !== undefined) {
        held.delete(name)
        count(before, -1)
        // It has come by its slot: today's count is of those that have none.
        const at = minute % DAY_MINUTES
        today[at] = Math.max(0, (today[at] ?? 0) - 1)
      }
      const slotAt = chooseSlot(window, spreadOf(name), loadAt)
      const slot = Math.floor(slotAt / MINUTE_MS)
      held.set(name, slot)
      count(slot, 1)
      for (const [oldest, minuteOf] of held) {
        if (held.size <= maxHeld) break
        held.delete(oldest)
        count(minuteOf, -1)
      }
      return slotAt
    },
  }
}
