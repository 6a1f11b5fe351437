/**
 * Makes sql.js bind exactly. Its `bind` writes a bigint as TEXT and a whole number as INTEGER, so a placeholder that
 * gets one of these becomes a CAST. The unary plus takes the affinity of the CAST away again: a bare parameter has none.
 */

import type { SqlValue } from '../ports.ts'

/** How a placeholder is written for one value: as it is, or cast. */
export type BindingForm = '?' | 'i' | 'r'

const INT32_MIN = -(2n ** 31n)
const INT32_MAX = 2n ** 31n - 1n

/** The form a placeholder needs for `value`. */
export function bindingForm(value: SqlValue): BindingForm {
  if (typeof value === 'bigint') return value >= INT32_MIN && value <= INT32_MAX ? '?' : 'i'
  // sql.js binds what fits 32 bits as INTEGER and everything else as REAL.
  return typeof value === 'number' && value === (value | 0) ? 'r' : '?'
}

/** What is handed to sql.js for `value`, together with its form. */
export function boundValue(value: SqlValue): string | number | Uint8Array | null {
  if (typeof value === 'bigint') return bindingForm(value) === '?' ? Number(value) : value.toString()
  if (typeof value === 'number' && bindingForm(value) === 'r') return Object.is(value, -0) ? '-0.0' : value
  return value
}

/** `sql` with its placeholders written in `forms`, in their order. */
export function writePlaceholders(sql: string, forms: readonly BindingForm[]): string {
  let index = 0
  // Strings, names and comments come first in the alternation: a question mark inside them is none of ours.
  const tokens = /'[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\/|\?/g
  return sql.replaceAll(tokens, (token) => {
    if (token !== '?') return token
    const form = forms[index++] ?? '?'
    if (form === '?') return '?'
    return form === 'i' ? '+CAST(? AS INTEGER)' : '+CAST(? AS REAL)'
  })
}
