/** Fills the port `Proofs` from the catalogue's tables. */

import type { ProofRow, Proofs } from '../catalogue.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import type { ProofTable } from './tables.ts'

/** Proofs listed in `db`. */
export function sqlProofs(db: CatalogueDb): Proofs {
  return {
    async find({ accountId, deviceId, name }) {
      const row = await db
        .selectFrom('proof')
        .selectAll()
        .where('accountId', '=', accountId)
        .where('deviceId', '=', deviceId)
        .where('name', '=', name)
        .executeTakeFirst()
      return row && fromRow(row)
    },
    async list(accountId) {
      const rows = await db.selectFrom('proof').selectAll().where('accountId', '=', accountId).execute()
      return rows.map(fromRow)
    },
    async put({ accountId, deviceId, name, failure = null, ...rest }) {
      const content = { ...rest, failure }
      await db
        .insertInto('proof')
        .values({ accountId, deviceId, name, ...content })
        .onConflict((conflict) => conflict.columns(['accountId', 'deviceId', 'name']).doUpdateSet(content))
        .execute()
    },
    async listDue(before, limit) {
      return await db
        .selectFrom('database as d')
        .leftJoin('proof as p', (join) =>
          join
            .onRef('p.accountId', '=', 'd.accountId')
            .onRef('p.deviceId', '=', 'd.deviceId')
            .onRef('p.name', '=', 'd.name'),
        )
        .select(['d.accountId', 'd.deviceId', 'd.name', 'd.sizeBytes'])
        .where((is) => is.or([is('p.checkedAt', 'is', null), is('p.checkedAt', '<', before)]))
        .orderBy((fields) => fields.fn.coalesce('p.checkedAt', fields.val(0)))
        .orderBy('d.createdAt')
        .limit(limit)
        .execute()
    },
    async countFailed() {
      const row = await db
        .selectFrom('proof')
        .select((fields) => fields.fn.countAll().as('failed'))
        .where('failure', 'is not', null)
        .executeTakeFirst()
      return Number(row?.failed ?? 0)
    },
  }
}

function fromRow({ failure, ...row }: ProofTable): ProofRow {
  return failure === null ? row : { ...row, failure }
}
