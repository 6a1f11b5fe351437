/** The account a name means, for operators: they write names as people say them. */

import { CodedError } from '../../schemas/errors.ts'
import type { AccountService, AccountSummary } from './accountService.ts'

/** The account named `name`; case makes no difference. @throws {CodedError} `account.unknown`. */
export async function findAccount(service: AccountService, name: string): Promise<AccountSummary> {
  const folded = name.toLowerCase()
  const found = (await service.listAccounts()).find((account) => account.name.toLowerCase() === folded)
  if (found === undefined) throw new CodedError('account.unknown', `there is no account ${name}`)
  return found
}
