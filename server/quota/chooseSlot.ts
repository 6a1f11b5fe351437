/** Which moment of its window a device shall come at: a pure function of what each minute has to do. Rule QT-11. */

import type { RunWindow } from '../../schemas/http/advice.ts'

export const MINUTE_MS = 60_000

/**
 * A moment of `window`: in the minute with the least load; of several, the one that `spread` points at.
 *
 * @param spread of the device, 0 up to but not 1; it also says where in the minute.
 * @param loadAt what a minute (since 1970) has to do
 */
export function chooseSlot({ from, until }: RunWindow, spread: number, loadAt: (minute: number) => number): number {
  const first = Math.ceil(from / MINUTE_MS)
  const end = Math.floor(until / MINUTE_MS)
  let least = Number.POSITIVE_INFINITY
  let best: number[] = []
  for (let minute = first; minute < end; minute++) {
    const load = loadAt(minute)
    if (load < least) [least, best] = [load, [minute]]
    else if (load === least) best.push(minute)
  }
  const at = spread * best.length
  const minute = best[Math.floor(at)]
  // A window without a whole minute leaves nothing to choose.
  if (minute === undefined) return from
  return minute * MINUTE_MS + Math.floor((at - Math.floor(at)) * MINUTE_MS)
}

/** 0 up to but not 1, the same for the same text. */
export function spreadOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0
  // FNV-1a leaves texts that differ at their end alone close together.
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b) >>> 0
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000
}
