/**
 * Deletes an account so that nobody can open what it had: its keys first, then its rows elsewhere, then its files, then
 * what the log of the catalogue still holds; a receipt at the end. Killed in between it goes on. Rules KY-11 to KY-14.
 */

import type { ErasedAccount, ErasureReceipt } from '../../schemas/http/erasures.ts'
import type { AccountService } from '../account/accountService.ts'
import type { ErasedFiles, ErasedOwner, Erasures, OpenErasure } from '../catalogue/erasures.ts'
import { step } from '../steps.ts'

/** How long after an erasure work that was under way may still write a row, milliseconds. */
const LATE_MS = 24 * 3_600_000

export interface ErasureParts {
  readonly erasures: Erasures
  readonly accounts: Pick<AccountService, 'setAccountDisabled' | 'listDevices' | 'removeAccount' | 'listAccounts'>
  readonly serverId: string
  /** Removes what lies outside of the catalogue. No error for what is gone. @throws {CodedError} `storage.*`. */
  removeFiles(accountId: string, files: ErasedFiles): Promise<void>
  /** Makes sure that nothing deleted is left in the files of catalogue and accounts. */
  scrub(): Promise<void>
  /** Signs a receipt, and reads one it signed. */
  readonly signer: {
    sign(receipt: ErasureReceipt): Promise<string>
    read(signed: string): ErasureReceipt
    readonly publicKey: Readonly<Record<string, unknown>>
  }
  now(): number
}

export interface AccountErasure {
  /**
   * Deletes an account; when it resolves nothing of it can be opened any more.
   * @throws {CodedError} `storage.*`; what was begun goes on with the next `goOn`.
   */
  erase(owner: ErasedOwner): Promise<ErasedAccount>
  /** Ends what was begun, and deletes what work that was under way wrote since. */
  goOn(): Promise<void>
  /** Receipts, newest first. */
  list(): Promise<readonly ErasedAccount[]>
}

export function createAccountErasure(parts: ErasureParts): AccountErasure {
  const { erasures, signer } = parts
  return {
    erase: async (owner) => {
      // From now on nobody comes in.
      await parts.accounts.setAccountDisabled(owner.accountName, true)
      const devices = (await parts.accounts.listDevices(owner.accountId)).length
      const erasure = await erasures.begin({ ...owner, devices }, parts.now())
      step('erase-keys-gone')
      return await finish(parts, erasure)
    },
    goOn: async () => {
      for (const erasure of await erasures.listOpen()) await finish(parts, erasure)
      for (const owner of await erasures.listEnded(parts.now() - LATE_MS))
        if (await erasures.hasRows(owner))
          await finish(parts, await erasures.begin({ ...owner, devices: 0 }, parts.now()))
    },
    list: async () => (await erasures.listSigned()).map((signed) => describe(parts, signer.read(signed), signed)),
  }
}

async function finish(parts: ErasureParts, erasure: OpenErasure): Promise<ErasedAccount> {
  const { erasures, serverId, signer } = parts
  const { accountId, accountName, devices, facts, files } = erasure
  await parts.accounts.removeAccount(accountId)
  step('erase-account-gone')
  await parts.removeFiles(accountId, files)
  step('erase-files-gone')
  await parts.scrub()
  const receipt: ErasureReceipt = {
    version: 1,
    ...{ serverId, accountId, accountName, devices },
    erasedAt: parts.now(),
    ...facts,
  }
  const signed = await signer.sign(receipt)
  await erasures.end(accountId, signed, receipt.erasedAt)
  step('erase-ended')
  return describe(parts, receipt, signed)
}

function describe({ signer }: ErasureParts, receipt: ErasureReceipt, signed: string): ErasedAccount {
  return { receipt, signed, signingKey: signer.publicKey }
}
