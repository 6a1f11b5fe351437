/**
 * Reads filter expressions of the CGI grammar (`syncml:filtertype-cgi`, reference 3.15) into a tree (IT-14). Pure.
 * Logic has no precedence: it is read from left to right, parentheses apart.
 */

/** Comparisons; an `i` before them in the text sets `ignoreCase`. */
export type Comparison = 'EQ' | 'NE' | 'GT' | 'GE' | 'LT' | 'LE' | 'CON' | 'NCON'

/** An expression. `property` is upper case; `&LUID;` as a property is `&LUID`. A null value is `&NULL;`: nothing there. */
export type FilterExpression =
  | { readonly kind: 'and' | 'or'; readonly left: FilterExpression; readonly right: FilterExpression }
  | {
      readonly kind: 'compare'
      readonly property: string
      readonly comparison: Comparison
      readonly ignoreCase: boolean
      readonly value: string | null
    }

/** Why a filter cannot be used: an unknown grammar (415) or an expression that does not follow it (422). */
export class FilterError extends Error {
  readonly status: 415 | 422

  constructor(status: 415 | 422, message: string) {
    super(message)
    this.name = 'FilterError'
    this.status = status
  }
}

/** Comparisons of one expression, so that a hostile one ends; real ones have a handful. */
const MAX_COMPARISONS = 200

const COMPARISON = /^(i?)(EQ|NE|GT|GE|LT|LE|CON|NCON)$/i

interface Tokens {
  readonly list: readonly string[]
  at: number
  comparisons: number
}

/**
 * @throws {FilterError} for another grammar, or a syntax error. Undefined for an empty expression: nothing is filtered.
 */
export function parseFilter(grammar: string, expression: string): FilterExpression | undefined {
  if (!/^syncml::?filtertype-cgi$/i.test(grammar.trim()))
    throw new FilterError(415, `filters of the grammar ${grammar} are not known`)
  const list = expression.match(/&\w+;|[()]|[^&()]+|&/g) ?? []
  if (list.every((token) => token.trim() === '')) return undefined
  const tokens: Tokens = { list, at: 0, comparisons: 0 }
  const parsed = parseLogic(tokens, 0)
  if (tokens.at < list.length) throw new FilterError(422, `the filter has ${list[tokens.at]} where it should end`)
  return parsed
}

function parseLogic(tokens: Tokens, depth: number): FilterExpression {
  let left = parseOperand(tokens, depth)
  for (;;) {
    const operator = /^&(AND|OR);$/i.exec(tokens.list[tokens.at] ?? '')?.[1]
    if (operator === undefined) return left
    tokens.at++
    const right = parseOperand(tokens, depth)
    left = { kind: operator.toUpperCase() === 'AND' ? 'and' : 'or', left, right }
  }
}

function parseOperand(tokens: Tokens, depth: number): FilterExpression {
  skipBlank(tokens)
  if (tokens.list[tokens.at] !== '(') return parseComparison(tokens)
  if (depth > 20) throw new FilterError(422, 'the filter has too many parentheses')
  tokens.at++
  const inner = parseLogic(tokens, depth + 1)
  skipBlank(tokens)
  if (tokens.list[tokens.at] !== ')') throw new FilterError(422, 'the filter lacks a closing parenthesis')
  tokens.at++
  skipBlank(tokens)
  return inner
}

function skipBlank(tokens: Tokens): void {
  while ((tokens.list[tokens.at] ?? 'x').trim() === '') tokens.at++
}

function parseComparison(tokens: Tokens): FilterExpression {
  if (++tokens.comparisons > MAX_COMPARISONS) throw new FilterError(422, 'the filter has too many comparisons')
  const name = (tokens.list[tokens.at++] ?? '').trim()
  const property = /^&LUID;$/i.test(name) ? '&LUID' : unescapeText(name).toUpperCase()
  if (property === '' || (name.startsWith('&') && property !== '&LUID') || name === '(' || name === ')')
    throw new FilterError(422, `the filter has no property at ${name}`)
  const operator = COMPARISON.exec(/^&(\w+);$/.exec(tokens.list[tokens.at++] ?? '')?.[1] ?? '')
  if (operator === null) throw new FilterError(422, `the filter does not compare ${property}`)
  return {
    kind: 'compare',
    property,
    comparison: (operator[2] ?? '').toUpperCase() as Comparison,
    ignoreCase: operator[1] !== '',
    value: parseValue(tokens),
  }
}

function parseValue(tokens: Tokens): string | null {
  const token = tokens.list[tokens.at]
  if (token !== undefined && /^&NULL;$/i.test(token)) {
    tokens.at++
    return null
  }
  if (token === undefined || token.startsWith('&') || token === '(' || token === ')') return ''
  tokens.at++
  return unescapeText(token.trim())
}

/** `%hh` stands for an octet of UTF-8. */
function unescapeText(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    throw new FilterError(422, 'the filter has a broken escape')
  }
}
