/**
 * The terms of a unique index, in the form a trigger needs to look up which rows a new row would push out:
 * plain columns with their collation, expressions as text, and the condition of a partial index.
 */

import { quoteText } from '../../schemas/delta/toSql.ts'
import type { SqlDatabase } from '../ports.ts'
import { type SqlToken, sqlTokens } from './sqlTokens.ts'

export interface IndexTerms {
  readonly terms: readonly IndexTerm[]
  /** Text of the WHERE clause of a partial index. */
  readonly condition: string | undefined
}

export type IndexTerm =
  | { readonly kind: 'column'; readonly column: string; readonly collation: string }
  /** `words` are the names in it: the columns it can mention. */
  | {
      readonly kind: 'expression'
      readonly text: string
      readonly collation: string
      readonly words: readonly string[]
    }

/** The terms of an index, or undefined if its text is not understood (then the table is compared instead). */
export function readIndexTerms(database: SqlDatabase, index: string): IndexTerms | undefined {
  const rows = database
    .prepare(`SELECT cid,name,coll FROM pragma_index_xinfo(${quoteText(index)}) WHERE key=1 ORDER BY seqno`)
    .all()
  const sql = database.prepare("SELECT sql FROM sqlite_schema WHERE type='index' AND name=?").get(index)?.[0]
  const text = typeof sql === 'string' ? splitDefinition(sql) : { expressions: [], condition: undefined }
  if (!text) return undefined
  const terms: IndexTerm[] = []
  for (const [i, [cid, name, collation]] of rows.entries()) {
    if (typeof name === 'string') terms.push({ kind: 'column', column: name, collation: String(collation) })
    else {
      const expression = cid === -2n ? text.expressions[i] : undefined
      if (!expression) return undefined
      terms.push({ kind: 'expression', ...expression, collation: String(collation) })
    }
  }
  return terms.length === 0 ? undefined : { terms, condition: text.condition }
}

interface Definition {
  readonly expressions: readonly { readonly text: string; readonly words: readonly string[] }[]
  readonly condition: string | undefined
}

/** Takes `CREATE UNIQUE INDEX x ON t(a, f(b) DESC) WHERE c` apart. */
function splitDefinition(sql: string): Definition | undefined {
  const tokens = sqlTokens(sql)
  const on = tokens.findIndex((token) => isWord(token, 'ON'))
  const open = tokens.findIndex((token, i) => i > on && isPunctuation(token, '('))
  const close = matchingClose(tokens, open)
  if (on < 0 || open < 0 || close < 0) return undefined
  const where = tokens[close + 1]
  if (where && !isWord(where, 'WHERE')) return undefined
  const last = tokens[tokens.length - 1]
  const condition = where && last ? sql.slice(where.end, last.end) : undefined
  return { expressions: splitTerms(sql, tokens.slice(open + 1, close)), condition }
}

function splitTerms(sql: string, tokens: readonly SqlToken[]): { text: string; words: string[] }[] {
  const terms: SqlToken[][] = [[]]
  let depth = 0
  for (const token of tokens) {
    if (isPunctuation(token, '(')) depth++
    if (isPunctuation(token, ')')) depth--
    if (depth === 0 && isPunctuation(token, ',')) terms.push([])
    else terms[terms.length - 1]?.push(token)
  }
  return terms.map((term) => {
    const kept = dropDirection(term)
    const [first, last] = [kept[0], kept[kept.length - 1]]
    const words = kept
      .filter((token) => token.kind !== 'punctuation' && token.kind !== 'text')
      .map((token) => token.text)
    return { text: first && last ? sql.slice(first.start, last.end) : '', words }
  })
}

function dropDirection(term: readonly SqlToken[]): readonly SqlToken[] {
  const last = term[term.length - 1]
  return last && (isWord(last, 'ASC') || isWord(last, 'DESC')) ? term.slice(0, -1) : term
}

function matchingClose(tokens: readonly SqlToken[], open: number): number {
  let depth = 0
  for (let i = open; i >= 0 && i < tokens.length; i++) {
    const token = tokens[i]
    if (token && isPunctuation(token, '(')) depth++
    if (token && isPunctuation(token, ')') && --depth === 0) return i
  }
  return -1
}

function isWord(token: SqlToken, word: string): boolean {
  return token.kind === 'word' && token.text.toUpperCase() === word
}

function isPunctuation(token: SqlToken, text: string): boolean {
  return token.kind === 'punctuation' && token.text === text
}
