/** Whether an Item passes a filter expression (IT-14, reference 3.15). Pure. */

import type { Comparison, FilterExpression } from './parseFilter.ts'

/** What a filter can ask of an Item. */
export interface FilterSubject {
  /** The client's id, if it has the Item. */
  readonly luid?: string
  /** Values of a property by its upper-case name; none if it is not there. */
  values(property: string): readonly string[]
  /** When it takes place or was made, as `20240131T101500Z` or a date; absent bounds are open. */
  readonly from?: string
  readonly until?: string
}

export function passesFilter(expression: FilterExpression, subject: FilterSubject): boolean {
  if (expression.kind !== 'compare') {
    const left = passesFilter(expression.left, subject)
    if (left === (expression.kind === 'or')) return left
    return passesFilter(expression.right, subject)
  }
  const { property, comparison, ignoreCase, value } = expression
  // The window: what ends before SINCE or begins at BEFORE is outside; what says no time is always inside.
  if (property === 'SINCE') return subject.until === undefined || normalTime(subject.until) >= normalTime(value ?? '')
  if (property === 'BEFORE') return subject.from === undefined || normalTime(subject.from) < normalTime(value ?? '')
  if (property === 'UNSEEN') {
    const seen = subject.values('READ').some((text) => text.toLowerCase() === 'true')
    return (value ?? '').toUpperCase() === 'TRUE' ? !seen : seen
  }
  const held = property === '&LUID' ? (subject.luid === undefined ? [] : [subject.luid]) : valuesOf(property, subject)
  return compareAny(held, comparison, value, ignoreCase)
}

function valuesOf(property: string, subject: FilterSubject): readonly string[] {
  return subject.values(property === 'GROUP' ? 'CATEGORIES' : property)
}

/** A negated comparison holds if no value is the forbidden one; the others if any value fits. */
function compareAny(
  held: readonly string[],
  comparison: Comparison,
  value: string | null,
  ignoreCase: boolean,
): boolean {
  const filled = held.filter((text) => text !== '')
  if (value === null) return comparison === 'NE' || comparison === 'NCON' ? filled.length > 0 : filled.length === 0
  const fold = (text: string): string => (ignoreCase ? text.toLowerCase() : text)
  const wanted = fold(value)
  const values = filled.map(fold)
  switch (comparison) {
    case 'EQ':
      return values.includes(wanted)
    case 'NE':
      return !values.includes(wanted)
    case 'CON':
      return values.some((text) => text.includes(wanted))
    case 'NCON':
      return !values.some((text) => text.includes(wanted))
    case 'GT':
      return values.some((text) => order(text, wanted) > 0)
    case 'GE':
      return values.some((text) => order(text, wanted) >= 0)
    case 'LT':
      return values.some((text) => order(text, wanted) < 0)
    case 'LE':
      return values.some((text) => order(text, wanted) <= 0)
  }
}

const NUMBER = /^-?\d+(\.\d+)?$/

/** Numbers by size, times by moment, anything else by character. Eight digits are a date, and so ordered either way. */
function order(a: string, b: string): number {
  if (NUMBER.test(a) && NUMBER.test(b)) return Number(a) - Number(b)
  const [left, right] = [normalTime(a), normalTime(b)]
  return left < right ? -1 : left > right ? 1 : 0
}

/** Times of both spellings as `YYYYMMDDThhmmss`; other texts as they are. */
function normalTime(text: string): string {
  const match = /^(\d{4})-?(\d\d)-?(\d\d)(?:T(\d\d):?(\d\d):?(\d\d)?Z?)?$/i.exec(text.trim())
  if (match === null) return text
  const [, year, month, day, hour = '00', minute = '00', second = '00'] = match
  return `${year}${month}${day}T${hour}${minute}${second}`
}
