/** Which database a command means when it was not named. */

import { CodedError } from '../../../schemas/errors.ts'
import type { AgentContext } from './agentContext.ts'

/** The name given, or the only one there is. @throws {CodedError} `database.unknown`, `config.invalid` if there are several. */
export async function chooseDatabase(context: AgentContext, given: string | undefined): Promise<string> {
  if (given !== undefined) return given
  const names = (await context.client.list()).map((entry) => entry.name)
  const [only] = names
  if (only === undefined) throw nothingAdded()
  if (names.length === 1) return only
  throw new CodedError('config.invalid', `several databases are here: ${names.join(', ')}`, {
    next: 'Name one with --database.',
  })
}

/** The error for a command that needs a database where none was added. */
export function nothingAdded(): CodedError {
  return new CodedError('database.unknown', 'no database is added yet', {
    next: 'Run "nightferry-device add PATH" first.',
  })
}
