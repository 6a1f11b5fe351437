/**
 * Decides on an Alert from what was kept of this device and datastore (IT-3, IT-8): pure. A matching `Last` goes on from
 * the map; anything else begins anew with 508, in the same direction, and never in a way that deletes on either side
 * what the client did not ask to lose.
 */

import type { ItemSyncType } from '../datastore/syncDatastore.ts'

/** How long a broken or suspended sync can be gone on with, milliseconds (IT-8). */
export const RESUME_LIFE_MS = 14 * 24 * 3_600_000

/** The client's anchors of the last two finished syncs; ours are the same texts (IT-3). */
export interface KeptAnchors {
  readonly last?: string
  readonly previous?: string
}

/** The sync that was begun last. */
export interface KeptRun {
  readonly type: ItemSyncType
  /** The client's `Last` when it began. */
  readonly askedLast?: string
  readonly startedAt: number
}

export interface SyncChoice {
  readonly status: 200 | 508
  readonly type: ItemSyncType
  /** The run that was begun goes on: its generation and what it has done stay. */
  readonly goesOn: boolean
  /** The client never saw the end of the last finished sync, or was set back to before it: what that one sent goes again. */
  readonly setBack: boolean
  /** A refresh that the client did not ask for (508 to 202) deletes nothing here. */
  readonly merging: boolean
}

/** Decides on an Alert of `type` with the client's `last`. */
export function chooseSync(
  request: { readonly type: ItemSyncType | 'resume'; readonly last?: string },
  kept: KeptAnchors,
  run: KeptRun | undefined,
  now: number,
): SyncChoice {
  const { type, last } = request
  const place = placeAnchor(last, kept)
  if (type === 'resume') {
    if (run === undefined || now - run.startedAt > RESUME_LIFE_MS) return beginAnew(200)
    if (!fitsRun(run, last, place)) return beginAnew(run.type)
    return { status: 200, type: run.type, goesOn: true, setBack: false, merging: false }
  }
  if (isWholeSet(type)) return { status: 200, type, goesOn: false, setBack: false, merging: false }
  if (place === undefined) return beginAnew(type)
  return { status: 200, type, goesOn: false, setBack: place === 'previous', merging: false }
}

/** Anchors do not matter then. */
export function isWholeSet(type: ItemSyncType): boolean {
  return type === 201 || type === 203 || type === 205
}

/** Which kept anchor the client stands at. Clients of a first sync say nothing, `0` or a zero time (reference 3.6). */
function placeAnchor(last: string | undefined, kept: KeptAnchors): 'last' | 'previous' | undefined {
  if (last === undefined || last === '' || last === '0' || /^0{8}T0{6}Z?$/.test(last)) return undefined
  // First, for both may be the same text: of a device that tells the time in seconds. The older one loses nothing.
  if (last === kept.previous) return 'previous'
  return last === kept.last ? 'last' : undefined
}

/** Whole sets need no anchor; for changes the client must stand where it began, or just behind the end. */
function fitsRun(run: KeptRun, last: string | undefined, place: 'last' | 'previous' | undefined): boolean {
  if (isWholeSet(run.type)) return true
  return last === undefined || place !== undefined || last === run.askedLast
}

function beginAnew(type: ItemSyncType): SyncChoice {
  const anew: ItemSyncType = type === 202 || type === 203 ? 203 : type === 204 || type === 205 ? 205 : 201
  return { status: 508, type: anew, goesOn: false, setBack: false, merging: anew === 203 }
}
