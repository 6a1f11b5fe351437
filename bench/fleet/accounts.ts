/** Makes the accounts of the fleet on the server's own machine, before it runs: over the network they are counted. */

import { mkdirSync } from 'node:fs'
import { createLocalAccountService } from '../../server/account/localAccountService.ts'
import { openSigningKeys } from '../../server/account/signingKeys.ts'
import { openAccountStore } from '../../server/account/sqlite/openAccountStore.ts'
import { openKeyRing } from '../../server/keys/openKeyRing.ts'
import { fleetAccount } from './plan.ts'

/** A device that the account service knows. */
export interface MadeDevice {
  readonly user: string
  readonly deviceId: string
  readonly secret: string
}

/** Makes the accounts, and so many devices of them beside: what is measured is not how they log in first. */
export async function makeAccounts(dataFolder: string, accounts: number, devices = 0): Promise<MadeDevice[]> {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 })
  const { keyRing } = openKeyRing({ dataDir: dataFolder })
  const store = await openAccountStore(dataFolder, keyRing)
  try {
    const signingKeys = openSigningKeys(store.signingKeys, keyRing)
    const service = createLocalAccountService({ store, signingKeys, clock: Date.now })
    const ids: string[] = []
    for (let number = 0; number < accounts; number++) {
      const { user, password } = fleetAccount(number, { accounts })
      ids.push((await service.register(user, password)).accountId)
    }
    const made: MadeDevice[] = []
    for (let number = 0; number < devices; number++) {
      const deviceId = `bench-${number}`
      const { secret } = await service.registerDevice(ids[number % accounts] ?? '', `device-${number}`, deviceId)
      made.push({ user: fleetAccount(number, { accounts }).user, deviceId, secret })
    }
    return made
  } finally {
    await store.close()
  }
}
