/** Fills the port `Verifications` from the catalogue's tables. */

import type { VerificationRow, Verifications } from '../verifications.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import type { VerificationTable } from './tables.ts'

/** Verifications listed in `db`. */
export function sqlVerifications(db: CatalogueDb): Verifications {
  return {
    async find({ accountId, deviceId, name }) {
      const row = await db
        .selectFrom('verification')
        .selectAll()
        .where('accountId', '=', accountId)
        .where('deviceId', '=', deviceId)
        .where('name', '=', name)
        .executeTakeFirst()
      return row && fromRow(row)
    },
    async list(accountId) {
      const rows = await db.selectFrom('verification').selectAll().where('accountId', '=', accountId).execute()
      return rows.map(fromRow)
    },
    async put({ accountId, deviceId, name, completeAt = null, repair, ...rest }) {
      const content = { ...rest, repair: repair ? 1 : 0, completeAt }
      await db
        .insertInto('verification')
        .values({ accountId, deviceId, name, ...content })
        .onConflict((conflict) => conflict.columns(['accountId', 'deviceId', 'name']).doUpdateSet(content))
        .execute()
    },
  }
}

function fromRow({ form, repair, completeAt, ...row }: VerificationTable): VerificationRow {
  const known = { ...row, form: form === 'full' ? 'full' : 'part', repair: repair !== 0 } as const
  return completeAt === null ? known : { ...known, completeAt }
}
