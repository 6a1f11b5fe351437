/** Makes the accounts of the fleet on the server's own machine, before it runs: over the network they are counted. */

import { mkdirSync } from 'node:fs'
import { createLocalAccountService } from '../../server/account/localAccountService.ts'
import { openSigningKeys } from '../../server/account/signingKeys.ts'
import { openAccountStore } from '../../server/account/sqlite/openAccountStore.ts'
import { openKeyRing } from '../../server/keys/openKeyRing.ts'
import { fleetAccount } from './plan.ts'

export async function makeAccounts(dataFolder: string, accounts: number): Promise<void> {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 })
  const { keyRing } = openKeyRing({ dataDir: dataFolder })
  const store = await openAccountStore(dataFolder, keyRing)
  try {
    const signingKeys = openSigningKeys(store.signingKeys, keyRing)
    const service = createLocalAccountService({ store, signingKeys, clock: Date.now })
    for (let number = 0; number < accounts; number++) {
      const { user, password } = fleetAccount(number, { accounts })
      await service.register(user, password)
    }
  } finally {
    await store.close()
  }
}
