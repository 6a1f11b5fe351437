/** Builds what the operator takes care of keys and accounts with: rotation, erasure, and their calls. Part of `assemble.ts`. */

import type { FailureLimits } from './account/failureLimits.ts'
import type { Accounts } from './assembleAccounts.ts'
import { assembleErasure, type ErasureAssemblyParts } from './assembleErasure.ts'
import { assembleKeyCare, type KeyCareAssembly, type KeyCareAssemblyParts } from './assembleKeys.ts'
import type { Reencryption } from './backup/reencryption.ts'
import type { AccountErasure } from './erasure/eraseAccount.ts'
import { erasureHandlers } from './http/erasureHandlers.ts'
import { keyHandlers } from './http/keyHandlers.ts'

export interface CareAssembly {
  readonly keyCare: KeyCareAssembly
  readonly erasure: AccountErasure
  readonly handlers: ReturnType<typeof keyHandlers> & ReturnType<typeof erasureHandlers>
  /** Goes on with what was begun; `quiet` says that nothing else is under way. */
  tend(quiet: boolean): Promise<void>
}

export interface CareAssemblyParts
  extends Omit<KeyCareAssemblyParts, 'accountUses'>,
    Pick<ErasureAssemblyParts, 'spool'> {
  readonly accounts: Accounts
  readonly limits: FailureLimits
  readonly reencryption: Reencryption
}

/** @throws {CodedError} as `assembleErasure`. */
export async function assembleCare(parts: CareAssemblyParts): Promise<CareAssembly> {
  const { reencryption, accounts, config, keys, catalogue, spool, limits, clock } = parts
  const accountService = accounts.service
  const keyCare = assembleKeyCare({ ...parts, accountUses: accounts.keyUses })
  const erasure = await assembleErasure({
    ...{ data: config.data, catalogue, accounts: accountService, spool, keyRing: keys.keyRing, clock },
  })
  return {
    keyCare,
    erasure,
    handlers: {
      ...keyHandlers({ status: keyCare.status, rotate: keyCare.rotateRunning, reencrypt: keyCare.hurry }),
      ...erasureHandlers({ accountService, erasure, limits }),
    },
    tend: async (quiet) => {
      await keyCare.tendLogged(quiet)
      if (!quiet) reencryption.tend()
      await erasure.goOn()
    },
  }
}
