/** The difference of two restore points as both programs show it, and the options that ask for it. */

import { CodedError } from '../errors.ts'
import type { DiffReport, RowChange } from '../http/diff.ts'
import { MAX_DIFF_ROWS } from '../limits.ts'
import { type CommandInput, type OptionSpec, textOf } from './commandTable.ts'
import { formatTable, formatTime } from './formatTable.ts'

/** Options of both `diff` commands. */
export const DIFF_OPTIONS: readonly OptionSpec[] = [
  { name: 'table', value: 'TABLE', summary: 'list the rows of this table that differ' },
  { name: 'rows', summary: 'with the values that differ, not only the keys' },
  { name: 'limit', value: 'N', summary: `rows to list, ${MAX_DIFF_ROWS} at the most`, default: '100' },
]

/** What those options say. @throws {CodedError} `config.invalid`. */
export function readDiffOptions(input: CommandInput): {
  readonly table?: string
  readonly values: boolean
  readonly limit: number
} {
  const limit = Number(textOf(input, 'limit') ?? '100')
  if (!Number.isInteger(limit) || limit < 0 || limit > MAX_DIFF_ROWS)
    throw new CodedError('config.invalid', `not a number of rows: ${textOf(input, 'limit')}`, {
      next: `Give a number from 0 to ${MAX_DIFF_ROWS}.`,
    })
  const table = textOf(input, 'table')
  return { values: input.rows === true, limit, ...(table !== undefined && { table }) }
}

/** Text for people; what comes from the database cannot move their cursor. */
export function formatDiff(report: DiffReport): string {
  const { from, to, schema, moreObjects, tables, rows, moreRows = 0 } = report
  const name = ({ point, number, takenAt }: DiffReport['from']): string =>
    `${point} (number ${number}, ${formatTime(takenAt)})`
  const heading = `from ${name(from)}\nto   ${name(to)}\n`
  if (schema.length === 0 && tables.length === 0) return `${heading}nothing differs\n`
  const objects = schema.map((object) => `${object.change} ${object.type} ${printable(object.name)}\n`).join('')
  const counts = formatTable(
    ['TABLE', 'ADDED', 'CHANGED', 'REMOVED', ''],
    tables.map((held) => [
      printable(held.table),
      ...[held.added, held.changed, held.removed].map(String),
      held.note ?? '',
    ]),
    'no rows differ',
  )
  const listed = (rows ?? []).map((row) => `${formatRow(row)}\n`).join('')
  const more = moreRows > 0 && rows !== undefined ? `and ${moreRows} more\n` : ''
  return `${heading}${objects}${moreObjects > 0 ? `and ${moreObjects} more objects\n` : ''}${counts}${listed}${more}`
}

const SIGNS = { added: '+', changed: '~', removed: '-' } as const

function formatRow({ change, key, was, is }: RowChange): string {
  const list = (values: Readonly<Record<string, string>>): string[] =>
    Object.entries(values).map(([column, value]) => `${printable(column)}=${printable(value)}`)
  const columns = [...new Set([...Object.keys(was ?? {}), ...Object.keys(is ?? {})])]
  const held = (column: string): string => {
    if (change !== 'changed') return printable(`${column}=${(is ?? was)?.[column] ?? ''}`)
    return printable(`${column}: ${was?.[column] ?? ''} -> ${is?.[column] ?? ''}`)
  }
  const values = was === undefined && is === undefined ? '' : `  ${columns.map(held).join(', ')}`
  return `${SIGNS[change]} ${list(key).join(', ')}${values}`
}

function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
