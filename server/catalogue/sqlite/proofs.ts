/** Fills the port `Proofs` from the catalogue's tables. */

import type { DueProof, ProofRow, Proofs } from '../catalogue.ts'
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
      const past = await failedPast(db).where('c.accountId', '=', accountId).execute()
      return rows.map((row) => {
        const aside = past.find(({ deviceId, name }) => deviceId === row.deviceId && name === row.name)
        if (row.failure !== null || aside === undefined) return fromRow(row)
        return fromRow({ ...row, failure: `the state of ${new Date(aside.takenAt).toISOString()}: ${aside.failure}` })
      })
    },
    async put({ accountId, deviceId, name, failure = null, ...rest }) {
      const content = { ...rest, failure }
      await db
        .insertInto('proof')
        .values({ accountId, deviceId, name, ...content })
        .onConflict((conflict) => conflict.columns(['accountId', 'deviceId', 'name']).doUpdateSet(content))
        .execute()
    },
    async putPast(copyId, { checkedAt, failure = null }) {
      await db
        .insertInto('pastProof')
        .values({ copyId, checkedAt, failure })
        .onConflict((conflict) => conflict.column('copyId').doUpdateSet({ checkedAt, failure }))
        .execute()
    },
    async listDue(before, limit) {
      const [heads, past] = [await dueHeads(db, before, limit), await duePast(db, before, limit)]
      return [...heads, ...past]
        .toSorted((a, b) => a.waitsSince - b.waitsSince)
        .slice(0, limit)
        .map(({ waitsSince: _, ...due }) => due)
    },
    async countFailed() {
      const heads = await db
        .selectFrom('proof as p')
        .innerJoin('database as d', (join) =>
          join
            .onRef('p.accountId', '=', 'd.accountId')
            .onRef('p.deviceId', '=', 'd.deviceId')
            .onRef('p.name', '=', 'd.name'),
        )
        .select('p.name')
        .where('p.failure', 'is not', null)
        .execute()
      return heads.length + (await failedPast(db).execute()).length
    },
  }
}

type Waiting = DueProof & { readonly waitsSince: number }

async function dueHeads(db: CatalogueDb, before: number, limit: number): Promise<readonly Waiting[]> {
  return await db
    .selectFrom('database as d')
    .leftJoin('proof as p', (join) =>
      join
        .onRef('p.accountId', '=', 'd.accountId')
        .onRef('p.deviceId', '=', 'd.deviceId')
        .onRef('p.name', '=', 'd.name'),
    )
    .select(['d.accountId', 'd.deviceId', 'd.name', 'd.sizeBytes'])
    .select((fields) => fields.fn.coalesce('p.checkedAt', fields.val(0)).as('waitsSince'))
    .where((is) => is.or([is('p.checkedAt', 'is', null), is('p.checkedAt', '<', before)]))
    .orderBy('waitsSince')
    .orderBy('d.createdAt')
    .limit(limit)
    .execute()
}

async function duePast(db: CatalogueDb, before: number, limit: number): Promise<readonly Waiting[]> {
  const rows = await db
    .selectFrom('pastCopy as c')
    .leftJoin('pastProof as p', 'p.copyId', 'c.copyId')
    .select(['c.accountId', 'c.deviceId', 'c.name', 'c.sizeBytes', 'c.copyId', 'c.kind', 'c.wrappedKey', 'p.failure'])
    .select((fields) => fields.fn.coalesce('p.checkedAt', fields.val(0)).as('waitsSince'))
    .where((is) => is.or([is('p.checkedAt', 'is', null), is('p.checkedAt', '<', before)]))
    .orderBy('waitsSince')
    .orderBy('c.endedAt')
    .limit(limit)
    .execute()
  return rows.map(({ copyId, kind, wrappedKey, failure, ...due }) => ({
    ...due,
    past: { copyId, kind, wrappedKey, ...(failure !== null && { failure }) },
  }))
}

function failedPast(db: CatalogueDb) {
  return db
    .selectFrom('pastProof as p')
    .innerJoin('pastCopy as c', 'c.copyId', 'p.copyId')
    .select(['c.accountId', 'c.deviceId', 'c.name', 'c.takenAt', 'p.failure'])
    .where('p.failure', 'is not', null)
}

function fromRow({ failure, ...row }: ProofTable): ProofRow {
  return failure === null ? row : { ...row, failure }
}
