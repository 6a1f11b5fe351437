/**
 * What our server and our agent tell each other in HTTP headers of SyncML messages, beside the protocol: when the device
 * shall come next, what its quotas are, whether it was copied, and whether what it sent can be restored. Other clients
 * never send the one and skip the other. Rules WF-36, WF-37.
 */

/** Sent by the agent with what opens a session: when its next run of this database may be, at the earliest and latest. */
export const WINDOW_HEADER = 'nightferry-window'

/** Sent by the server with an answer. */
export const ADVICE_HEADER = 'nightferry-advice'

/** A span of time, milliseconds since 1970. */
export interface RunWindow {
  readonly from: number
  readonly until: number
}

/** Whose quota it is. */
export type QuotaScope = 'account' | 'device'

/** What is used of a quota; octets or a count. */
export interface QuotaUse {
  readonly used: number
  readonly limit: number
  readonly of: QuotaScope
}

/** What the server advises; each part may be absent. */
export interface Advice {
  /** When the next run shall be, milliseconds since 1970. */
  readonly slotAt?: number
  /** Octets stored, of the quota that is nearest to its end. */
  readonly stored?: QuotaUse
  /** Databases, if no more are taken. */
  readonly databases?: QuotaUse
  /** Sessions of the last hour, if no more are taken. */
  readonly sessions?: QuotaUse
  /** Compressed octets of one upload. */
  readonly uploadBytes?: number
  /** When another installation of this device was refused, milliseconds since 1970. */
  readonly clonedAt?: number
  /** Since when the copy cannot be restored, as far as the server tried, milliseconds since 1970. */
  readonly unprovenSince?: number
}

/** A week: no schedule that is worth spreading looks further ahead. */
const MAX_SPAN_S = 7 * 24 * 3600
const MAX_CHARS = 400

/** Whole seconds, so that the span never grows. */
export function formatWindow({ from, until }: RunWindow): string {
  return `${Math.ceil(from / 1000)}-${Math.floor(until / 1000)}`
}

/** Undefined for anything that is no span of time. */
export function parseWindow(text: string): RunWindow | undefined {
  const match = /^(\d{1,12})-(\d{1,12})$/.exec(text)
  const [from, until] = (match ?? []).slice(1).map(Number)
  if (from === undefined || until === undefined || until < from || until - from > MAX_SPAN_S) return undefined
  return { from: from * 1000, until: until * 1000 }
}

/** In the notation of HTTP's dictionaries; empty if there is nothing to say. */
export function formatAdvice(advice: Advice): string {
  const use = (name: 'stored' | 'databases' | 'sessions'): string[] => {
    const found = advice[name]
    return found ? [`${name}=${found.used};limit=${found.limit};of=${found.of}`] : []
  }
  return [
    ...(advice.slotAt === undefined ? [] : [`slot=${Math.floor(advice.slotAt / 1000)}`]),
    ...use('stored'),
    ...use('databases'),
    ...use('sessions'),
    ...(advice.uploadBytes === undefined ? [] : [`upload=${advice.uploadBytes}`]),
    ...(advice.clonedAt === undefined ? [] : [`clone=${Math.floor(advice.clonedAt / 1000)}`]),
    ...(advice.unprovenSince === undefined ? [] : [`unproven=${Math.floor(advice.unprovenSince / 1000)}`]),
  ].join(', ')
}

/** What can be read of an advice; the rest is as if it were not there: advice is no part of the protocol. */
export function parseAdvice(text: string): Advice {
  if (text.length > MAX_CHARS) return {}
  const found: { -readonly [Name in keyof Advice]: Advice[Name] } = {}
  for (const member of text.split(',')) {
    const match =
      /^(slot|stored|databases|sessions|upload|clone|unproven)=(\d{1,15})(?:;limit=(\d{1,15});of=(account|device))?$/.exec(
        member.trim(),
      )
    if (match === null) continue
    const [, name, value, limit, of] = match
    const number = Number(value)
    if (name === 'slot' && number < 1e12) found.slotAt = number * 1000
    else if (name === 'clone' && number < 1e12) found.clonedAt = number * 1000
    else if (name === 'unproven' && number < 1e12) found.unprovenSince = number * 1000
    else if (name === 'upload') found.uploadBytes = number
    else if (
      (name === 'stored' || name === 'databases' || name === 'sessions') &&
      (of === 'account' || of === 'device')
    )
      found[name] = { used: number, limit: Number(limit), of }
  }
  return found
}

/** `Retry-After` in seconds; undefined if there is none that counts. A date is not read: ours sends none. */
export function parseRetryAfter(text: string | null): number | undefined {
  const match = /^\d{1,6}$/.exec(text?.trim() ?? '')
  return match === null ? undefined : Number(match[0])
}
