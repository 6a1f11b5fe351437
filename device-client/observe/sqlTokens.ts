/**
 * Cuts SQL text that SQLite has already accepted into tokens, just finely enough to find the column list and
 * the condition of an index definition. It judges nothing.
 */

export interface SqlToken {
  readonly kind: 'word' | 'name' | 'text' | 'punctuation'
  /** As written; for names in quotes the name itself. */
  readonly text: string
  readonly start: number
  readonly end: number
}

const QUOTES: Readonly<Record<string, string>> = { '"': '"', "'": "'", '`': '`', '[': ']' }

/** Tokens of `sql` without white space and comments. */
export function sqlTokens(sql: string): SqlToken[] {
  const tokens: SqlToken[] = []
  let at = 0
  while (at < sql.length) {
    const char = sql.charAt(at)
    const skipped = skipBlank(sql, at)
    if (skipped > at) {
      at = skipped
      continue
    }
    const end = QUOTES[char] ? endOfQuoted(sql, at) : endOfWord(sql, at)
    tokens.push(tokenAt(sql, at, end))
    at = end
  }
  return tokens
}

function skipBlank(sql: string, at: number): number {
  if (/\s/.test(sql.charAt(at))) return at + 1
  if (sql.startsWith('--', at)) {
    const end = sql.indexOf('\n', at)
    return end < 0 ? sql.length : end + 1
  }
  if (sql.startsWith('/*', at)) {
    const end = sql.indexOf('*/', at + 2)
    return end < 0 ? sql.length : end + 2
  }
  return at
}

function endOfQuoted(sql: string, at: number): number {
  const open = sql.charAt(at)
  const close = QUOTES[open] ?? open
  let end = at + 1
  while (end < sql.length) {
    if (sql.charAt(end) !== close) end++
    else if (close !== ']' && sql.charAt(end + 1) === close) end += 2
    else return end + 1
  }
  return sql.length
}

function endOfWord(sql: string, at: number): number {
  const match = /^[A-Za-z0-9_$\u0080-\uffff]+/.exec(sql.slice(at, at + 1024))
  return at + Math.max(1, match?.[0].length ?? 1)
}

function tokenAt(sql: string, start: number, end: number): SqlToken {
  const raw = sql.slice(start, end)
  const open = raw.charAt(0)
  if (open === "'") return { kind: 'text', text: raw, start, end }
  if (QUOTES[open]) {
    const close = QUOTES[open] ?? open
    const inner = raw.slice(1, -1)
    return { kind: 'name', text: close === ']' ? inner : inner.replaceAll(close + close, close), start, end }
  }
  return { kind: /^[A-Za-z0-9_$\u0080-\uffff]/.test(raw) ? 'word' : 'punctuation', text: raw, start, end }
}
