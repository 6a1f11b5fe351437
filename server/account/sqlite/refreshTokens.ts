/** The refresh tokens of the account store: each works once, a second use ends its family (AC-3). */

import type { Kysely } from 'kysely'
import type { AccountStore } from '../accountStore.ts'
import type { AccountTables } from './accountTables.ts'

/** Refresh tokens kept in `db`. */
export function refreshTokens(
  db: Kysely<AccountTables>,
): Pick<AccountStore, 'addRefreshToken' | 'exchangeRefreshToken'> {
  return {
    async addRefreshToken(row) {
      await db
        .insertInto('refreshToken')
        .values({ ...row, deviceId: row.deviceId ?? null, usedAt: null })
        .execute()
    },
    async exchangeRefreshToken(tokenHash, successor, now) {
      return db.transaction().execute(async (trx) => {
        await trx.deleteFrom('refreshToken').where('expiresAt', '<=', now).execute()
        const row = await trx
          .selectFrom('refreshToken')
          .selectAll()
          .where('tokenHash', '=', tokenHash)
          .executeTakeFirst()
        if (row === undefined) return undefined
        if (row.usedAt !== null) {
          // Two holders of one token: one of them stole it, and nobody can say which.
          await trx.deleteFrom('refreshToken').where('familyId', '=', row.familyId).execute()
          return undefined
        }
        await trx.updateTable('refreshToken').set({ usedAt: now }).where('tokenHash', '=', tokenHash).execute()
        const { familyId, accountId, deviceId } = row
        // In the same transaction: otherwise a thief's token could enter a family that was just ended.
        await trx
          .insertInto('refreshToken')
          .values({ ...successor, familyId, accountId, deviceId, usedAt: null })
          .execute()
        return { ...successor, familyId, accountId, ...(deviceId === null ? {} : { deviceId }) }
      })
    },
  }
}
