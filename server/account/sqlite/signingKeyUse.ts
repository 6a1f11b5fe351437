/** Fills the port `KeyUse` for the account service's signing keys. */

import type { Kysely } from 'kysely'
import { type KeyRing, wrappedWith } from '../../keys/keyRing.ts'
import { countIds, type KeyUse } from '../../keys/keyUse.ts'
import { signingKeyContext } from '../signingKeys.ts'
import type { AccountTables } from './accountTables.ts'

/** The signing keys in `db`. */
export function signingKeyUse(db: Kysely<AccountTables>, keyRing: KeyRing): KeyUse {
  const all = () => db.selectFrom('signingKey').select(['kid', 'wrappedPrivateKey']).execute()
  return {
    what: 'signing keys',
    count: async () =>
      countIds(
        (await all()).map((row) => wrappedWith(row.wrappedPrivateKey)),
        keyRing,
      ),
    rewrap: async () => {
      for (const { kid, wrappedPrivateKey } of await all()) {
        if (wrappedWith(wrappedPrivateKey) === keyRing.currentKeyId) continue
        const context = signingKeyContext(kid)
        const anew = keyRing.wrap(keyRing.unwrap(wrappedPrivateKey, context), context)
        await db.updateTable('signingKey').set({ wrappedPrivateKey: anew }).where('kid', '=', kid).execute()
      }
    },
  }
}
