/** Fills the session engine's port `NonceStore` from the catalogue's tables: one row for each login that was accepted. */

import type { NonceStore, Nonces } from '../../omads/authenticate.ts'
import { compileOnce } from './compileOnce.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import type { NonceTable } from './tables.ts'

/** Nonces kept in `db`. */
export function sqlNonceStore(db: CatalogueDb): NonceStore {
  const select = compileOnce(db, ({ userName, deviceId }: Pick<NonceTable, 'userName' | 'deviceId'>) =>
    db.selectFrom('nonce').selectAll().where('userName', '=', userName).where('deviceId', '=', deviceId),
  )
  const upsert = compileOnce(db, ({ userName, deviceId, next, previous }: NonceTable) =>
    db
      .insertInto('nonce')
      .values({ userName, deviceId, next, previous })
      .onConflict((conflict) => conflict.columns(['userName', 'deviceId']).doUpdateSet({ next, previous })),
  )
  return {
    async read(userName, deviceId) {
      const [row] = (await select({ userName, deviceId })).rows
      return row === undefined ? {} : fromRow(row)
    },
    async accept(userName, deviceId, nonces) {
      await upsert({ userName, deviceId, next: encode(nonces.next), previous: encode(nonces.previous) })
    },
  }
}

function encode(nonce: Uint8Array | undefined): string | null {
  return nonce === undefined ? null : Buffer.from(nonce).toString('base64')
}

function fromRow(row: NonceTable): Nonces {
  const nonces: { -readonly [Field in keyof Nonces]: Nonces[Field] } = {}
  for (const field of ['next', 'previous'] as const) {
    const text = row[field]
    if (text !== null) nonces[field] = new Uint8Array(Buffer.from(text, 'base64'))
  }
  return nonces
}
