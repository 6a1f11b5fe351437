/**
 * Recurrence rules of vCalendar 1.0 (`W1 MO WE #5`, reference 9.3) to those of iCalendar and back. Rules that are nested
 * (`YM1 6 W1 …`) or count occurrences by time of day have no counterpart here and stay as they are.
 */

const DAY = /^(?:MO|TU|WE|TH|FR|SA|SU)$/

/** The rule of iCalendar, or undefined if there is none. */
export function ruleOfOld(text: string): string | undefined {
  const tokens = text.trim().toUpperCase().split(/\s+/)
  const head = /^(D|W|MP|MD|YM|YD)([1-9]\d{0,3})$/.exec(tokens.shift() ?? '')
  if (head === null) return undefined
  const [, kind = '', interval = '1'] = head
  const end = takeEnd(tokens)
  const rest = readOldKind(kind, tokens)
  if (rest === undefined) return undefined
  const frequency = { D: 'DAILY', W: 'WEEKLY', MP: 'MONTHLY', MD: 'MONTHLY', YM: 'YEARLY', YD: 'YEARLY' }[kind]
  return [`FREQ=${frequency}`, ...(interval === '1' ? [] : [`INTERVAL=${interval}`]), ...rest, ...end].join(';')
}

/** `#5` or a date at the end; without either the specification says twice, `#0` is for ever. */
function takeEnd(tokens: string[]): string[] {
  const last = tokens.at(-1) ?? ''
  if (/^\d{8}(T\d{6}Z?)?$/.test(last)) {
    tokens.pop()
    if (/^#\d+$/.test(tokens.at(-1) ?? '')) tokens.pop()
    return [`UNTIL=${last}`]
  }
  if (!/^#\d{1,4}$/.test(last)) return ['COUNT=2']
  tokens.pop()
  return Number(last.slice(1)) === 0 ? [] : [`COUNT=${Number(last.slice(1))}`]
}

function readOldKind(kind: string, tokens: readonly string[]): string[] | undefined {
  if (kind === 'D') return tokens.length === 0 ? [] : undefined
  if (kind === 'W') {
    if (!tokens.every((token) => DAY.test(token))) return undefined
    return tokens.length === 0 ? [] : [`BYDAY=${tokens.join(',')}`]
  }
  if (kind === 'MP') return readPositions(tokens)
  const numbers = kind === 'MD' ? tokens.map(monthDay) : tokens
  if (!numbers.every((token) => /^-?\d{1,3}$/.test(token))) return undefined
  const part = { MD: 'BYMONTHDAY', YM: 'BYMONTH', YD: 'BYYEARDAY' }[kind]
  return numbers.length === 0 ? [] : [`${part}=${numbers.join(',')}`]
}

function monthDay(token: string): string {
  if (token === 'LD') return '-1'
  return /^\d+[+-]$/.test(token) ? `${token.endsWith('-') ? '-' : ''}${token.slice(0, -1)}` : token
}

/** `1+ MO TU 2- FR`: places in the month, each before its days. */
function readPositions(tokens: readonly string[]): string[] | undefined {
  const days: string[] = []
  let place: string | undefined
  for (const token of tokens) {
    const match = /^([1-5])([+-]?)$/.exec(token)
    if (match) place = `${match[2] === '-' ? '-' : ''}${match[1]}`
    else if (place !== undefined && DAY.test(token)) days.push(`${place}${token}`)
    else return undefined
  }
  return days.length === 0 ? undefined : [`BYDAY=${days.join(',')}`]
}

/** The rule of vCalendar 1.0, or undefined if it has none. */
export function ruleToOld(text: string): string | undefined {
  const parts = new Map(
    text
      .toUpperCase()
      .split(';')
      .map((part): [string, string] => {
        const equals = part.indexOf('=')
        return [part.slice(0, equals), part.slice(equals + 1)]
      }),
  )
  const take = (key: string): string | undefined => {
    const value = parts.get(key)
    parts.delete(key)
    return value
  }
  const [frequency, interval, count, until] = [take('FREQ'), take('INTERVAL') ?? '1', take('COUNT'), take('UNTIL')]
  take('WKST')
  const kind = writeKind(frequency ?? '', parts)
  if (kind === undefined) return undefined
  const [name, ...words] = kind
  return [`${name}${interval}`, ...words, until ?? `#${count ?? '0'}`].join(' ')
}

function writeKind(frequency: string, parts: ReadonlyMap<string, string>): string[] | undefined {
  const [key, value = ''] = [...parts][0] ?? []
  const values = value.split(',')
  if (parts.size > 1) return undefined
  if (key === undefined) return { DAILY: ['D'], WEEKLY: ['W'], MONTHLY: ['MD'], YEARLY: ['YM'] }[frequency]
  if (frequency === 'WEEKLY' && key === 'BYDAY')
    return values.every((day) => DAY.test(day)) ? ['W', ...values] : undefined
  if (frequency === 'MONTHLY' && key === 'BYMONTHDAY') {
    return ['MD', ...values.map((day) => (day === '-1' ? 'LD' : day.startsWith('-') ? `${day.slice(1)}-` : day))]
  }
  if (frequency === 'YEARLY' && key === 'BYMONTH') return ['YM', ...values]
  if (frequency === 'YEARLY' && key === 'BYYEARDAY') return ['YD', ...values]
  return frequency === 'MONTHLY' && key === 'BYDAY' ? writePositions(values) : undefined
}

function writePositions(values: readonly string[]): string[] | undefined {
  const words = ['MP']
  for (const value of values) {
    const match = /^(-?)([1-5])([A-Z]{2})$/.exec(value)
    if (match === null || !DAY.test(match[3] ?? '')) return undefined
    words.push(`${match[2]}${match[1] === '-' ? '-' : '+'}`, match[3] ?? '')
  }
  return words
}
