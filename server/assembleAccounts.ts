/**
 * Builds the account service, in this process or behind an address. Part of `assemble.ts`.
 */

import { CodedError } from '../schemas/errors.ts'
import type { AccountService } from './account/accountService.ts'
import { createHttpAccountService } from './account/httpAccountService.ts'
import { createLocalAccountService, type LocalAccountService } from './account/localAccountService.ts'
import { openSigningKeys } from './account/signingKeys.ts'
import { type OpenedAccountStore, openAccountStore } from './account/sqlite/openAccountStore.ts'
import type { Config } from './config/config.ts'
import type { Secrets } from './config/secrets.ts'
import type { KeyUse } from './keys/keyUse.ts'
import type { KeysOfServer } from './keys/openKeyRing.ts'

/** The account service of this process, or the one behind `accountsUrl`. */
export interface Accounts {
  readonly service: AccountService
  readonly local: LocalAccountService | undefined
  /** What it keeps wrapped here. */
  readonly keyUses: readonly KeyUse[]
  close(): Promise<void>
}

/** @throws {CodedError} `config.invalid`, `storage.*`. */
export async function openAccounts(
  config: Config,
  secrets: Secrets,
  keys: KeysOfServer,
  clock: () => number,
): Promise<Accounts> {
  if (config.accountsUrl === undefined) {
    const { service, keyUses, close } = await openLocalAccounts(config, keys, clock)
    return { service, local: service, keyUses, close }
  }
  if (secrets.serviceSecret === undefined) {
    throw new CodedError('config.invalid', 'an account service elsewhere needs the service secret', {
      next: 'Set NIGHTFERRY_SERVICE_SECRET or NIGHTFERRY_SERVICE_SECRET_FILE as the account service has it.',
    })
  }
  const service = createHttpAccountService({ baseUrl: config.accountsUrl, serviceSecret: secrets.serviceSecret, clock })
  return { service, local: undefined, keyUses: [], close: async () => undefined }
}

/** The account service of this process. @throws {CodedError} `storage.*`. */
export async function openLocalAccounts(
  config: Config,
  keys: KeysOfServer,
  clock: () => number,
): Promise<{ service: LocalAccountService; keyUses: readonly KeyUse[]; close(): Promise<void> }> {
  const store: OpenedAccountStore = await openAccountStore(config.data, keys.keyRing)
  const signingKeys = openSigningKeys(store.signingKeys, keys.keyRing)
  const service = createLocalAccountService({ store, signingKeys, clock })
  return { service, keyUses: store.keyUses, close: () => store.close() }
}

/** @throws {CodedError} `config.invalid` where the account service is elsewhere. */
export function operatorToken(accounts: Accounts, lifeS: number): Promise<string> {
  if (accounts.local) return accounts.local.issueOperatorToken(lifeS)
  throw new CodedError('config.invalid', 'operator tokens are made where the account service is', {
    next: "Run this command on the account service's machine, with its data folder.",
  })
}
