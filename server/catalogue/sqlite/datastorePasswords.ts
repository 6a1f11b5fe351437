/** Fills the port `DatastorePasswordStore` from the catalogue's tables. */

import type { DatastorePasswordStore } from '../catalogue.ts'
import { compileOnce } from './compileOnce.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import type { DatastorePasswordTable } from './tables.ts'

/** Passwords kept in `db`. */
export function sqlDatastorePasswords(db: CatalogueDb): DatastorePasswordStore {
  const select = compileOnce(db, ({ accountId, lock }: Pick<DatastorePasswordTable, 'accountId' | 'lock'>) =>
    db.selectFrom('datastorePassword').select('ha1').where('accountId', '=', accountId).where('lock', '=', lock),
  )
  return {
    async find(accountId, lock) {
      const [row] = (await select({ accountId, lock })).rows
      return row?.ha1
    },
    async put({ accountId, lock, ha1 }) {
      await db
        .insertInto('datastorePassword')
        .values({ accountId, lock, ha1 })
        .onConflict((conflict) => conflict.columns(['accountId', 'lock']).doUpdateSet({ ha1 }))
        .execute()
    },
    async remove(accountId, lock) {
      await db.deleteFrom('datastorePassword').where('accountId', '=', accountId).where('lock', '=', lock).execute()
    },
    async list(accountId) {
      const rows = await db
        .selectFrom('datastorePassword')
        .select('lock')
        .where('accountId', '=', accountId)
        .orderBy('lock')
        .execute()
      return rows.map(({ lock }) => lock)
    },
  }
}
