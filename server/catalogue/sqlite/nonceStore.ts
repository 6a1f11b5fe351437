/**
 * Fills the session engine's port `NonceStore` from the catalogue's tables. Anyone can ask for a challenge under any
 * name, so challenges that no login followed are dropped after 15 minutes.
 */

import type { NonceStore, Nonces } from '../../omads/authenticate.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import type { NonceTable } from './tables.ts'

const CHALLENGE_LIFE_MS = 15 * 60_000

/** Nonces kept in `db`. */
export function sqlNonceStore(db: CatalogueDb): NonceStore {
  return {
    async read(userName, deviceId) {
      const row = await db
        .selectFrom('nonce')
        .selectAll()
        .where('userName', '=', userName)
        .where('deviceId', '=', deviceId)
        .executeTakeFirst()
      return row === undefined ? {} : fromRow(row)
    },
    async accept(userName, deviceId, nonces) {
      const held = { next: encode(nonces.next), previous: encode(nonces.previous), challenge: encode(nonces.challenge) }
      await db
        .insertInto('nonce')
        .values({ userName, deviceId, ...held, challengedAt: 0 })
        .onConflict((conflict) => conflict.columns(['userName', 'deviceId']).doUpdateSet(held))
        .execute()
    },
    async challenge(userName, deviceId, nonce, now) {
      const given = { challenge: encode(nonce), challengedAt: now }
      await db.transaction().execute(async (trx) => {
        await trx
          .deleteFrom('nonce')
          .where('next', 'is', null)
          .where('challengedAt', '<', now - CHALLENGE_LIFE_MS)
          .execute()
        await trx
          .insertInto('nonce')
          .values({ userName, deviceId, next: null, previous: null, ...given })
          .onConflict((conflict) => conflict.columns(['userName', 'deviceId']).doUpdateSet(given))
          .execute()
      })
    },
  }
}

function encode(nonce: Uint8Array | undefined): string | null {
  return nonce === undefined ? null : Buffer.from(nonce).toString('base64')
}

function fromRow(row: NonceTable): Nonces {
  const nonces: { -readonly [Field in keyof Nonces]: Nonces[Field] } = {}
  for (const field of ['next', 'previous', 'challenge'] as const) {
    const text = row[field]
    if (text !== null) nonces[field] = new Uint8Array(Buffer.from(text, 'base64'))
  }
  return nonces
}
