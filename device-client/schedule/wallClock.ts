/**
 * The device's wall clock: between moments (milliseconds since 1970) and local dates and times of a time zone,
 * with the days on which a local hour is missing or comes twice. Pure; the zone data are those of `Intl`.
 */

/** A local date and time of day; `minute` counts from local midnight. */
export interface LocalTime {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
  readonly minute: number
}

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
const formats = new Map<string, Intl.DateTimeFormat>()

/** The time zone this program runs in, e.g. `Europe/Berlin`. */
export function ownTimeZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone
}

/** What a clock in `zone` shows at `at`. @throws {RangeError} if the zone is unknown. */
export function localTimeOf(at: number, zone: string): LocalTime {
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {}
  for (const part of formatOf(zone).formatToParts(at)) parts[part.type] = Number(part.value)
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0 } = parts
  return { year, month, day, minute: hour * 60 + minute }
}

/**
 * The first moment at which a clock in `zone` shows `local`. If the clock jumps over it, the moment of the jump:
 * a nightly backup is late then, not left out.
 */
export function momentOf(local: LocalTime, zone: string): number {
  const asUtc = Date.UTC(local.year, local.month - 1, local.day) + local.minute * MINUTE_MS
  // Offsets half a day around cover every rule of zones; the earlier moment comes first.
  const offsets = [offsetMs(asUtc - DAY_MS / 2, zone), offsetMs(asUtc + DAY_MS / 2, zone)]
  const moments = offsets.map((offset) => asUtc - offset).toSorted((a, b) => a - b)
  for (const moment of moments) if (moment + offsetMs(moment, zone) === asUtc) return moment
  return jumpBetween(moments[0] ?? asUtc, moments[1] ?? asUtc, zone)
}

/** The day `days` after the day of `local`, at midnight. */
export function dayAfter(local: LocalTime, days: number): LocalTime {
  const date = new Date(Date.UTC(local.year, local.month - 1, local.day) + days * DAY_MS)
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate(), minute: 0 }
}

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-u-ca-iso8601', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    })
    formats.set(zone, format)
  }
  return format
}

/** How far the zone's clock is ahead of UTC at `at`, in whole minutes. */
function offsetMs(at: number, zone: string): number {
  const local = localTimeOf(at, zone)
  const asUtc = Date.UTC(local.year, local.month - 1, local.day) + local.minute * MINUTE_MS
  return asUtc - Math.floor(at / MINUTE_MS) * MINUTE_MS
}

/** The moment in (`from`, `to`] at which the offset changes, by halving. */
function jumpBetween(from: number, to: number, zone: string): number {
  const before = offsetMs(from, zone)
  let low = from
  let high = to
  while (high - low > MINUTE_MS) {
    const middle = low + Math.floor((high - low) / 2 / MINUTE_MS) * MINUTE_MS
    if (offsetMs(middle, zone) === before) low = middle
    else high = middle
  }
  return high
}
