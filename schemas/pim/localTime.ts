/**
 * Arithmetic of local times `2026-01-31T08:00:00`: differences as durations, and zones. Zones come from the platform's
 * own tables (Intl); one that it does not know is no zone.
 */

const LOCAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/

/** Seconds of a local time as if it were UTC, or undefined if it is none; `24:00:00` and 31 February are none. */
export function localSeconds(local: string): number | undefined {
  if (!LOCAL.test(local)) return undefined
  const seconds = Date.parse(`${local}Z`) / 1000
  return Number.isFinite(seconds) && localTime(seconds) === local ? seconds : undefined
}

/** The local time of seconds as `localSeconds` counts them. */
export function localTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19)
}

/** Seconds of a duration such as `-PT15M` or `P1DT2H`, or undefined. */
export function durationSeconds(duration: string): number | undefined {
  const match = /^([+-]?)P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9})S)?)?$/.exec(
    duration,
  )
  if (match === null || duration.endsWith('P') || duration.endsWith('T')) return undefined
  const [weeks, days, hours, minutes, seconds] = match.slice(2).map((text) => Number(text ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
  ]
  const total = (weeks * 7 + days) * 86_400 + hours * 3600 + minutes * 60 + seconds
  return match[1] === '-' ? -total : total
}

/** The duration of seconds, not negative. */
export function durationOf(seconds: number): string {
  const days = Math.floor(seconds / 86_400)
  const [hours, minutes, rest] = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60]
  const time = `${hours > 0 ? `${hours}H` : ''}${minutes > 0 ? `${minutes}M` : ''}${rest > 0 ? `${rest}S` : ''}`
  const date = days > 0 ? `P${days}D` : 'P'
  return time === '' ? (days > 0 ? date : 'PT0S') : `${date}T${time}`
}

/** A local time in a zone as UTC seconds, or undefined for an unknown zone. In the hour that happens twice, one of both. */
export function zonedToUtc(local: string, timeZone: string): number | undefined {
  const wall = localSeconds(local)
  if (wall === undefined || timeZone === 'Etc/UTC') return wall
  const first = offsetAt(wall, timeZone)
  const second = first === undefined ? undefined : offsetAt(wall - first, timeZone)
  return second === undefined ? undefined : wall - second
}

/** UTC seconds as a local time in a zone, or undefined for an unknown zone. */
export function utcToZoned(seconds: number, timeZone: string): string | undefined {
  const offset = timeZone === 'Etc/UTC' ? 0 : offsetAt(seconds, timeZone)
  return offset === undefined ? undefined : localTime(seconds + offset)
}

const formats = new Map<string, Intl.DateTimeFormat | undefined>()
const MAX_FORMATS = 1000

/** Seconds that clocks of the zone are ahead of UTC. */
function offsetAt(utcSeconds: number, timeZone: string): number | undefined {
  const format = formatOf(timeZone)
  if (format === undefined) return undefined
  const parts = Object.fromEntries(
    format.formatToParts(new Date(utcSeconds * 1000)).map((part) => [part.type, part.value]),
  )
  const year = String(parts.year).padStart(4, '0')
  const wall = localSeconds(`${year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}:${parts.second}`)
  return wall === undefined ? undefined : wall - utcSeconds
}

function formatOf(timeZone: string): Intl.DateTimeFormat | undefined {
  // Names of zones have no case; one entry for all spellings bounds the cost of a hostile text.
  const name = timeZone.toLowerCase()
  if (!formats.has(name)) {
    if (formats.size >= MAX_FORMATS) formats.clear()
    formats.set(name, makeFormat(name))
  }
  return formats.get(name)
}

function makeFormat(timeZone: string): Intl.DateTimeFormat | undefined {
  const two = '2-digit'
  const fields = {
    year: 'numeric',
    month: two,
    day: two,
    hour: two,
    minute: two,
    second: two,
    hourCycle: 'h23',
  } as const
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone, ...fields })
  } catch {
    return undefined
  }
}
