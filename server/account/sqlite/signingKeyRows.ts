/** Fills the port `SigningKeyStore` from the account store. */

import type { Kysely } from 'kysely'
import type { SigningKeyStore } from '../signingKeys.ts'
import type { AccountTables } from './accountTables.ts'

/** Signing keys kept in `db`. */
export function signingKeyRows(db: Kysely<AccountTables>): SigningKeyStore {
  return {
    list: () => db.selectFrom('signingKey').selectAll().execute(),
    async add(row) {
      await db.insertInto('signingKey').values(row).execute()
    },
    async remove(kid) {
      await db.deleteFrom('signingKey').where('kid', '=', kid).execute()
    },
  }
}
