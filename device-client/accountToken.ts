/** The owner's access token: for calls that a device's own secret is not enough for. The password is kept nowhere. */

import type { CallOf } from '../schemas/http/api.ts'
import type { Fetch } from './ports.ts'
import { restCall, textField } from './restCall.ts'

// Only the types of the calls come in: the validator behind them would double the start of every backup.
const loginPath: CallOf<'login'>['path'] = '/accounts/login'

/** Whose token, and where. */
export interface Owner {
  readonly server: string
  readonly user: string
  readonly password: string
}

/** Logs in with the account's password. @throws {CodedError} `auth.*`, `network.unreachable`. */
export async function fetchAccountToken(fetch: Fetch, { server, user, password }: Owner): Promise<string> {
  const body = { name: user, password }
  const answer = await restCall(fetch, { server, method: 'POST', path: loginPath, body })
  return textField(answer, 'accessToken', server)
}
