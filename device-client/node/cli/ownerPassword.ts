/** The account's password, where the copy of another device is asked for (ID-1). */

import { type CommandInput, textOf } from '../../../schemas/cli/commandTable.ts'
import type { AgentContext } from './agentContext.ts'
import { readSecret } from './readSecret.ts'

/** What commands that read the copy of another device take. */
export const PASSWORD_OPTION = {
  name: 'password-file',
  value: 'FILE',
  summary: "read the account's password from a file",
  path: true,
} as const

/** Where the copies of the account itself are listed; all its devices reach them. */
const ACCOUNT_DEVICE = 'account'

/**
 * The password if `fromDevice` is another device; nothing is asked for what is this device's own.
 *
 * @throws {CodedError} `config.invalid` if there is nobody to ask, `device.unknown` before `init`.
 */
export async function ownerPassword(
  context: Pick<AgentContext, 'records' | 'environment'>,
  input: CommandInput,
  fromDevice: string | undefined,
): Promise<{ readonly password?: string }> {
  if (fromDevice === undefined || fromDevice === ACCOUNT_DEVICE) return {}
  const { user, device, deviceId } = await context.records.identity()
  if (fromDevice === device || fromDevice === deviceId) return {}
  return { password: await readSecret(`Password of ${user}`, textOf(input, 'password-file'), context.environment) }
}
