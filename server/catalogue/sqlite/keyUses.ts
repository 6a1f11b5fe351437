/** Fills the port `KeyUse` for what the catalogue keeps wrapped or sealed. */

import { type RawBuilder, sql } from 'kysely'
import type { KeyRing } from '../../keys/keyRing.ts'
import { countIds, type KeyUse } from '../../keys/keyUse.ts'
import type { CatalogueDb } from './openCatalogue.ts'

/** Rows that are wrapped anew in one transaction. */
const BATCH = 500

/** What each wrapped or sealed column is bound to. */
export interface KeyContexts {
  copy(copyId: string): string
  content(imageId: string): string
  serverPassword(owner: { readonly accountId: string; readonly deviceId: string }): string
}

/** All kinds of keys in `db`. */
export function catalogueKeyUses(db: CatalogueDb, keyRing: KeyRing, contexts: KeyContexts): readonly KeyUse[] {
  const wrapped = (what: string, place: WrappedColumn, contextOf: (name: string) => string): KeyUse => ({
    what,
    count: () => countColumn(db, place),
    rewrap: () => rewrapColumn(db, keyRing, place, contextOf),
  })
  return [
    wrapped('copies', { table: 'database', named: 'copyId', column: 'wrappedKey' }, contexts.copy),
    wrapped('past copies', { table: 'pastCopy', named: 'copyId', column: 'wrappedKey' }, contexts.copy),
    wrapped('restores', { table: 'restore', named: 'imageId', column: 'wrappedContentKey' }, contexts.content),
    wrapped('deliveries', { table: 'delivery', named: 'imageId', column: 'wrappedContentKey' }, contexts.content),
    serverPasswords(db, keyRing, contexts),
    { what: 'sessions', count: () => countSessions(db, keyRing) },
  ]
}

interface WrappedColumn {
  readonly table: 'database' | 'pastCopy' | 'restore' | 'delivery'
  /** The column with the name that the key is bound to. */
  readonly named: 'copyId' | 'imageId'
  readonly column: 'wrappedKey' | 'wrappedContentKey'
}

/** `nfk1.mk_…` at the beginning of a wrapped key: the id is 19 characters from the sixth on. */
function idOf(column: string): RawBuilder<string> {
  return sql<string>`substr(${sql.ref(column)}, 6, 19)`
}

async function countColumn(db: CatalogueDb, { table, column }: WrappedColumn): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{
    keyId: string
    count: number
  }>`SELECT ${idOf(column)} AS "keyId", count(*) AS count FROM ${sql.table(table)} GROUP BY 1`.execute(db)
  return new Map(rows.map(({ keyId, count }) => [keyId, Number(count)]))
}

async function rewrapColumn(
  db: CatalogueDb,
  keyRing: KeyRing,
  { table, named, column }: WrappedColumn,
  contextOf: (name: string) => string,
): Promise<void> {
  const [at, name, value] = [sql.table(table), sql.ref(named), sql.ref(column)]
  for (;;) {
    const found = await db.transaction().execute(async (trx) => {
      const { rows } = await sql<{
        name: string
        wrapped: string
      }>`SELECT ${name} AS name, ${value} AS wrapped FROM ${at}
        WHERE ${idOf(column)} <> ${keyRing.currentKeyId} LIMIT ${BATCH}`.execute(trx)
      for (const row of rows) {
        const context = contextOf(row.name)
        const anew = keyRing.wrap(keyRing.unwrap(row.wrapped, context), context)
        await sql`UPDATE ${at} SET ${value} = ${anew} WHERE ${name} = ${row.name} AND ${value} = ${row.wrapped}`.execute(
          trx,
        )
      }
      return rows.length
    })
    if (found < BATCH) return
  }
}

function serverPasswords(db: CatalogueDb, keyRing: KeyRing, contexts: KeyContexts): KeyUse {
  const all = () => db.selectFrom('ownLogin').select(['accountId', 'deviceId', 'sealedPassword']).execute()
  const octetsOf = (row: { sealedPassword: string }): Buffer => Buffer.from(row.sealedPassword, 'base64')
  return {
    what: 'server passwords',
    count: async () =>
      countIds(
        (await all()).map((row) => keyRing.sealedWith(octetsOf(row))),
        keyRing,
      ),
    rewrap: async () => {
      for (const row of await all()) {
        if (keyRing.sealedWith(octetsOf(row)) === keyRing.currentKeyId) continue
        const context = contexts.serverPassword(row)
        const anew = Buffer.from(keyRing.seal(keyRing.open(octetsOf(row), context), context)).toString('base64')
        await db
          .updateTable('ownLogin')
          .set({ sealedPassword: anew })
          .where('accountId', '=', row.accountId)
          .where('deviceId', '=', row.deviceId)
          .where('sealedPassword', '=', row.sealedPassword)
          .execute()
      }
    },
  }
}

/** Keys of images that sessions read from; they end with the session. */
async function countSessions(db: CatalogueDb, keyRing: KeyRing): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  for (const keyId of [keyRing.currentKeyId, ...keyRing.olderKeyIds]) {
    const { rows } = await sql<{
      count: number
    }>`SELECT count(*) AS count FROM "omadsSession" WHERE state LIKE ${`%nfk1.${keyId}.%`}`.execute(db)
    if (Number(rows[0]?.count) > 0) counts.set(keyId, Number(rows[0]?.count))
  }
  return counts
}
