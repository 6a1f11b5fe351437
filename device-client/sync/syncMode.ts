/**
 * The sync types of OMA DS as the user names them, what each lets either side do, and which one is asked for or may be
 * answered (reference 3.3, 3.6, 3.14). Pure. Rules DC-62, DC-63.
 */

import { ALERT } from '../../schemas/syncml/codes.ts'

/** What the user can ask for. */
export const SYNC_MODES = {
  'two-way': ALERT.twoWay,
  slow: ALERT.slowSync,
  'one-way-from-client': ALERT.oneWayFromClient,
  'refresh-from-client': ALERT.refreshFromClient,
  'one-way-from-server': ALERT.oneWayFromServer,
  'refresh-from-server': ALERT.refreshFromServer,
} as const

export type SyncMode = keyof typeof SYNC_MODES
export type SyncType = (typeof SYNC_MODES)[SyncMode]

/** The user's word for a sync type. */
export function modeOf(type: SyncType): SyncMode {
  const found = (Object.keys(SYNC_MODES) as SyncMode[]).find((mode) => SYNC_MODES[mode] === type)
  return found ?? 'two-way'
}

/** Every item goes to the server, not only what changed. */
export function sendsAll(type: SyncType): boolean {
  return type === ALERT.slowSync || type === ALERT.refreshFromClient
}

/** Nothing of ours goes to the server. */
export function onlyTakes(type: SyncType): boolean {
  return type === ALERT.oneWayFromServer || type === ALERT.refreshFromServer
}

/** The server may change items here. */
export function takesChanges(type: SyncType): boolean {
  return type !== ALERT.oneWayFromClient && type !== ALERT.refreshFromClient
}

/** What a sync remembers of the ones before. */
export interface SyncPast {
  /** Our anchor of the last one that was finished. */
  readonly last?: string
  /** The type of one that broke after it had begun. */
  readonly interrupted?: SyncType
}

/** What the Alert says. */
export interface AskedAlert {
  readonly code: number
  /** Type that is wanted, also behind a resume. */
  readonly type: SyncType
  readonly last?: string
}

/** The Alert for `mode`: a resume where one of its kind broke, a slow sync where none has been finished yet. */
export function chooseAlert(mode: SyncMode, { last, interrupted }: SyncPast): AskedAlert {
  const type = SYNC_MODES[mode]
  const anchor = last === undefined ? {} : { last }
  const continues = interrupted === type || (type === ALERT.twoWay && interrupted === ALERT.slowSync)
  const wholeSet = sendsAll(type) || type === ALERT.refreshFromServer
  if (interrupted !== undefined && continues && !wholeSet) return { code: ALERT.resume, type: interrupted, ...anchor }
  if (wholeSet) return { code: type, type }
  if (type === ALERT.twoWay && last === undefined) return { code: ALERT.slowSync, type: ALERT.slowSync }
  return { code: type, type, ...anchor }
}

/** Types a server may choose in place of the one that was asked for: the same direction, on the whole set. */
const ANSWERS: Readonly<Record<SyncType, readonly SyncType[]>> = {
  200: [200, 201],
  201: [201],
  202: [202, 203],
  203: [203],
  204: [204, 205],
  205: [205],
}

/**
 * The type the session goes on with: what the server's Alert names, else what was asked for, or the whole set after 508.
 * Undefined if the server would write where it was only given, or the reverse.
 */
export function chooseType(asked: AskedAlert, status: number, offered: string | undefined): SyncType | undefined {
  const allowed = ANSWERS[asked.type]
  const whole = allowed[allowed.length - 1]
  const named = offered === undefined || offered === String(ALERT.resume) ? undefined : Number(offered)
  if (named === undefined) return status === 508 ? whole : asked.type
  return allowed.find((type) => type === named)
}
