/** `nightferry-device restore --table`: rows of a table come back into the living database. */

import {
  type CommandInput,
  type CommandOutcome,
  listOf,
  type OptionSpec,
  textOf,
} from '../../../schemas/cli/commandTable.ts'
import { CodedError } from '../../../schemas/errors.ts'
import type { AgentContext } from './agentContext.ts'
import { parseAt } from './parseAt.ts'

/** Options that only have a meaning with `--table`, and that one. */
export const ROWS_OPTIONS: readonly OptionSpec[] = [
  { name: 'table', value: 'TABLE', summary: 'bring rows of this table back into the database that is here' },
  {
    name: 'where',
    value: 'COLUMN=VALUE',
    summary: 'only rows with this value; can be given several times',
    repeat: true,
  },
  { name: 'exact', summary: 'remove rows that are here now and were not then' },
  { name: 'dry-run', summary: 'only say how many rows would change' },
]

/** @throws {CodedError} `config.invalid` for options that contradict each other; as `DeviceClient.restoreRows`. */
export async function bringRowsBack(
  { client }: Pick<AgentContext, 'client'>,
  input: CommandInput,
): Promise<CommandOutcome> {
  for (const other of ['to', 'from-device'])
    if (textOf(input, other) !== undefined)
      throw new CodedError('config.invalid', `--table and --${other} contradict each other`, {
        next: 'Rows come back into the database of this device, from its own backup.',
      })
  const at = textOf(input, 'at')
  const report = await client.restoreRows({
    database: textOf(input, 'database') ?? '',
    table: textOf(input, 'table') ?? '',
    where: listOf(input, 'where').map(parseCondition),
    exact: input.exact === true,
    dryRun: input['dry-run'] === true,
    ...(at !== undefined && { at: parseAt(at) }),
  })
  const { database, table, point, dryRun, inserted, updated, deleted, unchanged } = report
  const done = dryRun ? 'would be' : 'were'
  const counts = `${inserted} rows ${done} inserted, ${updated} updated, ${deleted} deleted; ${unchanged} are as they were`
  return { json: { ...report }, text: `${database}, table ${table}, point ${point}: ${counts}\n` }
}

function parseCondition(text: string): { readonly column: string; readonly value: string } {
  const at = text.indexOf('=')
  if (at > 0) return { column: text.slice(0, at), value: text.slice(at + 1) }
  throw new CodedError('config.invalid', `not a condition: ${text}`, { next: 'Write it as COLUMN=VALUE.' })
}
