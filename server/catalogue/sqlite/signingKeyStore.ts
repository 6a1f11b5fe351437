/** Fills the port `SigningKeyStore` from the table that catalogue and account store both have. */

import type { Kysely } from 'kysely'
import type { SigningKeyStore } from '../../account/signingKeys.ts'
import type { SigningKeyTable } from './tables.ts'

/** Signing keys kept in `db`. */
export function sqlSigningKeys<Tables extends { signingKey: SigningKeyTable }>(db: Kysely<Tables>): SigningKeyStore {
  const keys = db as unknown as Kysely<{ signingKey: SigningKeyTable }>
  return {
    list: () => keys.selectFrom('signingKey').selectAll().execute(),
    async add(row) {
      await keys.insertInto('signingKey').values(row).execute()
    },
    async remove(kid) {
      await keys.deleteFrom('signingKey').where('kid', '=', kid).execute()
    },
  }
}
