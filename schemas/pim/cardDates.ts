/** Birthdays and anniversaries: partial dates and UTC times; other forms have no place in a Card. */

import type { PartialDate, Timestamp } from './jscontact.ts'

/** A jCard date as JSContact has it, or undefined. */
export function readCardDate(text: string): PartialDate | Timestamp | undefined {
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text)) return { '@type': 'Timestamp', utc: text }
  const full = /^(\d{4})-(\d\d)(?:-(\d\d))?$/.exec(text)
  if (full) {
    const day = full[3] === undefined ? {} : { day: Number(full[3]) }
    return { '@type': 'PartialDate', year: Number(full[1]), month: Number(full[2]), ...day }
  }
  const yearless = /^--(\d\d)-(\d\d)$/.exec(text)
  return yearless ? { '@type': 'PartialDate', month: Number(yearless[1]), day: Number(yearless[2]) } : undefined
}

/** The reverse. */
export function writeCardDate(date: PartialDate | Timestamp): string {
  if (date['@type'] === 'Timestamp') return date.utc
  const day = date.day === undefined ? '' : `-${padded(date.day, 2)}`
  if (date.month === undefined) return padded(date.year ?? 0, 4)
  return `${date.year === undefined ? '-' : padded(date.year, 4)}-${padded(date.month, 2)}${day}`
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0')
}
